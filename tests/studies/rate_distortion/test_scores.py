"""What may be read off: means are over one set of clips, points that lose many faces have no metrics of faces."""

from collections.abc import Callable
from typing import Any

Make = Callable[..., Any]


def test_a_curve_is_the_mean_over_clips_by_rising_rate(result: Make, results: Make) -> None:
    found = results([
        result("x", "a", 9, 4.0, psnr=30.0), result("x", "b", 9, 6.0, psnr=32.0),
        result("x", "a", 3, 2.0, psnr=26.0), result("x", "b", 3, 3.0, psnr=28.0),
        result("y", "a", 3, 9.0, psnr=1.0),
    ]).curve("x", "psnr")  # fmt: skip
    assert found is not None
    assert (found.kbps, found.values, found.clips) == ((2.5, 5.0), (27.0, 31.0), 2)


def test_a_clip_without_a_value_at_one_point_is_in_none(result: Make, results: Make) -> None:
    made = results([
        result("x", "a", 9, 4.0, csim=0.5), result("x", "b", 9, 6.0, csim=0.7),
        result("x", "a", 3, 2.0, csim=0.4), result("x", "b", 3, 9.0, csim=None),
    ])  # fmt: skip
    found = made.curve("x", "csim")
    assert found is not None
    assert (found.kbps, found.values, found.clips) == ((2.0, 4.0), (0.4, 0.5), 1)
    assert made.curve("z", "csim") is None
    assert results([result("x", "a", 1, 1.0, csim=None)]).curve("x", "csim") is None


def test_points_that_lose_faces_have_none_of_their_metrics(swept: Make, results: Make) -> None:
    # Points 1 and 2 lose 25 % and 21 % in the mean of two clips, point 3 exactly 20 %.
    made = results(
        swept("x", "a", lost=(50.0, 2.0, 40.0, 0.0, 0.0, 0.0)) + swept("x", "b", lost=(0.0, 40.0, 0.0, 0.0, 0.0, 0.0))
    )
    assert made.operating_points("x", "csim") == [3, 4, 5, 6]
    assert made.operating_points("x", "psnr") == [1, 2, 3, 4, 5, 6]
    assert made.operating_points("x", "faces-lost") == [1, 2, 3, 4, 5, 6]
    assert [(item.operating_point, item.lost) for item in made.excluded()] == [(1, 25.0), (2, 21.0)]
    faces, pixels = made.curve("x", "csim"), made.curve("x", "psnr")
    assert faces is not None and pixels is not None
    assert faces.kbps == pixels.kbps[2:]
    assert made.of_clip("x", "csim", "a")[0][0] == 4.0
