"""Time stamps of cameras to indices."""

import math
from fractions import Fraction

import pytest

from bcdcodec.errors import ConfigError
from bcdcodec.video.clock import FrameClock

RATE = Fraction(25, 2)


def indices(times_s: list[float]) -> list[int | None]:
    clock = FrameClock(RATE)
    return [clock.index(time_s) for time_s in times_s]


def test_a_faster_camera_is_thinned_out() -> None:
    """30 fps to 12.5: every tick gets one frame, none two."""
    found = [index for index in indices([1000 + n / 30 for n in range(60)]) if index is not None]
    assert found == list(range(26))


def test_dropped_frames_leave_gaps() -> None:
    assert indices([5.0, 5.08, 5.4, 5.48]) == [0, 1, 5, 6]


def test_jitter_does_not_add_up() -> None:
    assert indices([0.0, 0.09, 0.15, 0.26, 0.31]) == [0, 1, 2, 3, 4]


def test_repeated_and_late_frames_are_dropped() -> None:
    assert indices([0.0, 0.0, 0.16, 0.08, 0.16, 0.24]) == [0, None, 2, None, None, 3]


@pytest.mark.parametrize("time_s", [math.nan, math.inf])
def test_a_time_that_is_no_number_is_refused(time_s: float) -> None:
    with pytest.raises(ConfigError, match="finite number of seconds"):
        FrameClock(RATE).index(time_s)
