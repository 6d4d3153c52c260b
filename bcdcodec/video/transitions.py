"""Transitions between pictures that are no cuts: fades and dissolves.

A thumbnail in the middle of a transition is the mean of those as far before it and after it, and so are those at a
quarter and three quarters; across a cut it is like one of them, and a head that moves leaves the mean as well. Ends are
where the way from one to the other begins and is done.
"""

from collections import deque

import numpy as np

from bcdcodec.video.cuts import Thumbnail, difference

#: Half lengths of the stretches that are looked at, in frames; even, for quarters.
HALF_LENGTHS = (2, 4, 6, 8, 12, 16)
#: Least score of the ends (that of a change of person), and largest deviation from the means, as a share of the change.
MIN_SCORE, MAX_DEVIATION = 2.0, 0.16
#: Share of the way from one end to the other at which the transition has begun, and 1 less that at which it is done.
ENDS = 0.06
#: Standard deviation of the luma of a picture that shows nothing.
FLAT_STD = 3.0

Range = tuple[int, int]


class TransitionDetector:
    """Finds transitions frame by frame, in memory for 2 * 16 thumbnails."""

    def __init__(self) -> None:
        self._recent: deque[Thumbnail] = deque(maxlen=2 * HALF_LENGTHS[-1] + 1)
        self._count = 0
        self._flat_frames = 0  # at the beginning
        self._ranges: list[Range] = []

    def push(self, shown: Thumbnail) -> None:
        """Take the thumbnail of the next frame."""
        if self._flat_frames == self._count and is_flat(shown):
            self._flat_frames += 1
        self._recent.append(shown)
        self._count += 1
        for half in HALF_LENGTHS:
            if 2 * half < len(self._recent):
                self._look(half)

    @property
    def flat_frames(self) -> int:
        """Frames at the beginning that show nothing."""
        return self._flat_frames

    @property
    def ranges(self) -> list[Range]:
        """Frames [first, last + 1) of every transition, in order."""
        merged = list[Range]()
        for first, end in sorted(self._ranges):
            if merged and first <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(end, merged[-1][1])
            else:
                merged.append((first, end))
        return merged

    def _look(self, half: int) -> None:
        """Whether the newest frame ends a transition of twice this length, or part of a longer one."""
        last = len(self._recent) - 1
        before, after = self._recent[last - 2 * half], self._recent[last]
        if difference(before, after) < MIN_SCORE:
            return
        change = float(np.abs(after - before).mean())
        for share in (0.25, 0.5, 0.75):
            shown = self._recent[last - 2 * half + round(2 * half * share)]
            mean = before + share * (after - before)
            if float(np.abs(shown - mean).mean()) > MAX_DEVIATION * change:
                return
        start = self._count - 1 - 2 * half
        way = (after - before).ravel()
        passed = [
            float((self._recent[last - 2 * half + step] - before).ravel() @ way / (way @ way))
            for step in range(2 * half + 1)
        ]
        first = max(step for step in range(2 * half + 1) if passed[step] <= ENDS)
        done = min(step for step in range(2 * half + 1) if passed[step] >= 1 - ENDS)
        if first < done:
            self._ranges.append((start + first + 1, start + done))


def is_flat(shown: Thumbnail) -> bool:
    """Whether a thumbnail shows nothing: black, white, or one grey."""
    return float(shown.std()) < FLAT_STD
