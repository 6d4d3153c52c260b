"""Changes that can be worked out by hand."""

import numpy as np
import pytest

from bcdcodec.evaluation.metrics.flicker import flicker


def levels(*values: int) -> np.ndarray:
    """One flat 4x6 frame a value."""
    return np.stack([np.full((4, 6, 3), value, np.uint8) for value in values])


def test_equal_videos_and_a_constant_difference_have_none() -> None:
    moving = np.random.default_rng(0).integers(0, 200, (4, 8, 8, 3), dtype=np.uint8)
    assert flicker(moving, moving).tolist() == [0, 0, 0]
    assert flicker(moving + np.uint8(50), moving).tolist() == [0, 0, 0]


def test_by_hand() -> None:
    assert flicker(levels(10, 13, 10), levels(5, 5, 5)).tolist() == [3, 3]
    assert flicker(levels(0, 255), levels(255, 0)).tolist() == [510]  # 8-bit differences do not wrap


def test_a_still_video_has_the_change_it_lacks() -> None:
    assert flicker(levels(9, 9, 9), levels(9, 19, 14)).tolist() == [10, 5]


def test_a_video_that_is_late_by_a_frame() -> None:
    expected = levels(0, 10, 40, 100, 200)
    late = expected[[0, 0, 1, 2, 3]]
    assert flicker(late, expected).tolist() == [10, 20, 30, 40]


def test_one_channel_counts_a_third() -> None:
    red = levels(0, 0)
    red[1, ..., 0] = 90
    assert flicker(red, levels(0, 0)) == pytest.approx([30])


def test_one_frame_has_no_step() -> None:
    assert flicker(levels(3), levels(4)).shape == (0,)
