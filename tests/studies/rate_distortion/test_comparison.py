"""Who is better at equal bytes, in made-up results whose answers are known."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bcdcodec.evaluation.harness.intervals import BETTER, TOO_FEW, WORSE, interval
from bcdcodec.studies.rate_distortion.comparison import RATE_TOO_HIGH, compare_at_equal_rate, gain_over_freeze_frame

Make = Callable[..., Any]
PEOPLE = "abcdef"


def gains(clip: str) -> float:
    """Everyone gains 1, give or take."""
    return 1 + 0.01 * PEOPLE.index(clip[0])


@pytest.mark.parametrize("metric", ["psnr", "lpips-alex"])
def test_more_is_better_whichever_way_the_metric_goes(swept: Make, results: Make, metric: str) -> None:
    made = results([cell for clip in PEOPLE for cell in swept("own", clip, gain=gains(clip)) + swept("baseline", clip)])
    found = compare_at_equal_rate(made, own="own", operating_point=3, baseline="baseline", metric=metric)
    assert found is not None
    assert (found.clips, found.people, found.wins, found.below, found.above) == (6, 6, 6, 0, 0)
    assert found.kbps == 4.0
    assert found.gain is not None
    assert found.gain.mean == pytest.approx(1.025 if metric == "psnr" else 0.1025)
    assert found.verdict == BETTER
    turned = compare_at_equal_rate(made, own="baseline", operating_point=3, baseline="own", metric=metric)
    assert turned is not None and turned.gain is not None
    assert (turned.wins, turned.verdict) == (0, WORSE)
    assert turned.gain.mean == pytest.approx(-found.gain.mean)


def test_between_points_the_logarithm_of_the_rate_counts(result: Make, swept: Make, results: Make) -> None:
    made = results([result("own", "a", 1, 8**0.5, psnr=30.0), *swept("baseline", "a")])
    found = compare_at_equal_rate(made, own="own", operating_point=1, baseline="baseline", metric="psnr")
    assert found is not None and found.gain is not None
    assert found.gain.mean == pytest.approx(10 - 10 * np.log10(8**0.5), abs=1e-3)


def test_people_count_and_not_their_clips(swept: Make, results: Make) -> None:
    clips = ["a", "b1", "b2", "b3", "c", "d", "e"]
    made = results([cell for clip in clips for cell in swept("own", clip, gain=gains(clip)) + swept("baseline", clip)])
    found = compare_at_equal_rate(made, own="own", operating_point=3, baseline="baseline", metric="psnr")
    assert found is not None
    assert (found.clips, found.people, found.verdict) == (7, 5, TOO_FEW)
    assert found.gain is not None
    assert found.gain.mean == pytest.approx(interval([gains(person) for person in "abcde"]).mean)


def test_a_rival_that_cannot_go_so_low_is_not_at_equal_bytes(swept: Make, results: Make) -> None:
    made = results([
        cell for clip in PEOPLE for cell in swept("own", clip, factor=0.25, gain=gains(clip)) + swept("baseline", clip)
    ])  # fmt: skip
    found = compare_at_equal_rate(made, own="own", operating_point=2, baseline="baseline", metric="psnr")
    assert found is not None
    assert (found.clips, found.gain, found.below, found.verdict) == (0, None, 6, RATE_TOO_HIGH)
    assert (found.kbps, found.min_kbps, found.min_excess_percent) == (0.5, 1.0, pytest.approx(100))
    assert found.gain_at_min is not None
    assert found.gain_at_min.mean == pytest.approx(10 * np.log10(2) + 1.025)
    # Where enough people are at equal bytes, those decide; the others stay apart.
    mixed = results([
        cell for clip in [*PEOPLE, "g"]
        for cell in swept("own", clip, factor=0.25 if clip == "g" else 1.0, gain=-1.0 - 0.1 * (clip == "a"))
        + swept("baseline", clip)
    ])  # fmt: skip
    found = compare_at_equal_rate(mixed, own="own", operating_point=2, baseline="baseline", metric="psnr")
    assert found is not None
    assert (found.clips, found.below, found.verdict) == (6, 1, WORSE)


def test_clips_above_the_range_of_a_rival_are_left_out(swept: Make, results: Make) -> None:
    made = results([
        cell for clip in PEOPLE
        for cell in swept("own", clip, factor=2.0 if clip == "a" else 1.0) + swept("baseline", clip)
    ])  # fmt: skip
    found = compare_at_equal_rate(made, own="own", operating_point=6, baseline="baseline", metric="psnr")
    assert found is not None
    assert (found.clips, found.above, found.below, found.verdict) == (5, 1, 0, TOO_FEW)


def test_metrics_of_faces_begin_where_faces_are_found(swept: Make, results: Make) -> None:
    """The baseline's two cheapest points lose their faces: by csim it cannot go so low, by PSNR it can."""
    lost = (60.0, 30.0, 0.0, 0.0, 0.0, 0.0)
    made = results([cell for clip in PEOPLE for cell in swept("own", clip) + swept("baseline", clip, lost=lost)])
    faces = compare_at_equal_rate(made, own="own", operating_point=2, baseline="baseline", metric="csim")
    pixels = compare_at_equal_rate(made, own="own", operating_point=2, baseline="baseline", metric="psnr")
    assert faces is not None and pixels is not None
    assert (faces.verdict, faces.min_kbps, faces.clips) == (RATE_TOO_HIGH, 4.0, 0)
    assert (pixels.clips, pixels.below) == (6, 0)
    # And so for bcdcodec itself.
    assert compare_at_equal_rate(made, own="baseline", operating_point=1, baseline="own", metric="csim") is None


def test_clips_without_a_value_do_not_count(result: Make, swept: Make, results: Make) -> None:
    made = results([result("own", "a", 1, 1.0, csim=None), *swept("baseline", "a")])
    assert compare_at_equal_rate(made, own="own", operating_point=1, baseline="baseline", metric="csim") is None


def test_the_held_frame_has_no_bytes_to_match(result: Make, results: Make) -> None:
    made = results([
        cell for k, clip in enumerate(PEOPLE)
        for cell in (result("own", clip, 7, 3.0, dists=0.2), result("held", clip, 0, 0.0, dists=0.3 + 0.01 * k))
    ])  # fmt: skip
    found = gain_over_freeze_frame(made, own="own", operating_point=7, freeze_frame="held", metric="dists")
    assert found is not None
    assert (found.mean, found.sign) == (pytest.approx(0.125), 1)
