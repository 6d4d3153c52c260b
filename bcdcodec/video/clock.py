"""Clock of a camera: time stamps to frame indices at the rate of a stream."""

import math
from fractions import Fraction

from bcdcodec.errors import ConfigError


class FrameClock:
    """Gives the frames of a camera their indices; the first one has index 0. frame_rate: of the stream, in fps."""

    def __init__(self, frame_rate: Fraction) -> None:
        self._frame_rate = frame_rate
        self._first_s: float | None = None
        self._last = -1

    def index(self, time_s: float) -> int | None:
        """Index of the tick nearest to a time stamp in seconds; None for a frame to drop: one whose tick has a frame
        already, or that comes after a later one. ConfigError for a time that is no number.
        """
        if not math.isfinite(time_s):
            raise ConfigError(f"time stamp is {time_s}, needs a finite number of seconds")
        if self._first_s is None:
            self._first_s = time_s
        index = math.floor((time_s - self._first_s) * self._frame_rate + Fraction(1, 2))
        if index <= self._last:
            return None
        self._last = index
        return index
