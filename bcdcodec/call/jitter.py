"""Jitter buffer: when media are shown, and in which order packets of motion are taken.

The media clock of sender and receiver is that of the pictures: media at m ms are shown at m + offset ms of the
receiver's clock. The offset is a percentile of what packets needed from the time of their media to their arrival,
repeated ones included where those came first and soon enough. It rises at once and falls slowly.
"""

import math
import statistics
from collections import deque
from collections.abc import Iterator
from enum import Enum

from bcdcodec.call.chunks import MotionChunk

#: Packets that the offset is taken from, the share of them that must not come too late, and what is added at least and
#: at most, which is the time that a picture takes to make.
HISTORY, IN_TIME, MARGIN_MS, MAX_WORK_MS = 64, 0.95, 20.0, 120.0
#: Steps of the caller that tell how long making a picture takes.
LEAST_STEPS = 16
#: Copies that come by so much later than most packets are not waited for: the loss is concealed instead.
COPY_WAIT_MS = 200.0
#: By how many ms the offset falls in one second at most.
FALL_MS_PER_S = 50.0
#: The most that the offset exceeds the shortest way.
MAX_BUFFER_MS = 4000.0
#: Packets that wait at most, and how far ahead of what is shown they may be.
MAX_WAITING, MAX_AHEAD_MS = 512, 60_000.0


class Medium(Enum):
    """Media with packets of their own, shown by one clock."""

    MOTION = "motion"
    SOUND = "sound"


class Playout:
    """The adaptive playout point. All times are arguments, in ms."""

    def __init__(self) -> None:
        self._ways: dict[Medium, deque[float]] = {}
        #: Times from step to step of the caller, by whether a picture was made in it.
        self._steps: dict[bool, deque[float]] = {made: deque(maxlen=HISTORY) for made in (False, True)}
        self._offset_ms: float | None = None
        self._then_ms = 0.0

    def observe(self, medium: Medium, arrival_ms: float, media_ms: float, *, is_copy: bool = False) -> None:
        """Take the arrival of a packet whose media begin at a time of the media clock; of copies only the first.

        is_copy: it came beside later media.
        """
        ways, way_ms = self._ways.setdefault(medium, deque(maxlen=HISTORY)), arrival_ms - media_ms
        if not is_copy or (ways and way_ms <= statistics.median_low(ways) + COPY_WAIT_MS):
            ways.append(way_ms)

    def observe_step(self, duration_ms: float, *, made_picture: bool) -> None:
        """Take the time from a step of the caller to the next, in which pictures were made or not."""
        self._steps[made_picture].append(duration_ms)

    @property
    def margin_ms(self) -> float:
        """Time that is left to what comes just in time: that of making a picture, by which a step is longer."""
        others, with_work = self._steps[False], self._steps[True]
        if min(len(others), len(with_work)) < LEAST_STEPS:
            return MARGIN_MS
        return max(MARGIN_MS, min(MAX_WORK_MS, statistics.median(with_work) - statistics.median(others)))

    def count(self, medium: Medium) -> int:
        """Recent packets of a medium."""
        return len(self._ways.get(medium, ()))

    def offset_ms(self, now_ms: float) -> float | None:
        """The receiver's clock less the media clock of what is shown now; None before the first packet."""
        if not any(self._ways.values()):
            return None
        target = min(
            max(_percentile(ways) for ways in self._ways.values() if ways) + self.margin_ms,
            self.shortest_ms + MAX_BUFFER_MS,
        )
        if self._offset_ms is None or target >= self._offset_ms:
            self._offset_ms = target
        else:
            fall_ms = FALL_MS_PER_S * max(0.0, now_ms - self._then_ms) / 1000
            self._offset_ms = max(target, self._offset_ms - fall_ms)
        self._then_ms = now_ms
        return self._offset_ms

    @property
    def shortest_ms(self) -> float:
        """The shortest way of a recent packet of the slower medium."""
        return max(min(ways) for ways in self._ways.values() if ways)

    @property
    def buffer_ms(self) -> float:
        """By how much media are shown later than the fastest packets would allow; 0 before the first packet."""
        return 0.0 if self._offset_ms is None else max(0.0, self._offset_ms - self.shortest_ms)


def _percentile(ways: deque[float]) -> float:
    return sorted(ways)[math.ceil(IN_TIME * len(ways)) - 1]


class MotionBuffer:
    """Packets of motion by their index: in order, without copies and late ones."""

    def __init__(self) -> None:
        self._waiting: dict[int, MotionChunk] = {}
        #: Index of the packet after the last one that was taken; None before the first.
        self.next_index: int | None = None
        #: Packets that came too late, and indices that were passed over.
        self.late = self.missing = 0
        self._passed: deque[int] = deque(maxlen=HISTORY)

    def add(self, chunk: MotionChunk) -> bool:
        """Take a packet; False for a copy, and for one that comes too late."""
        if self.next_index is not None and chunk.index < self.next_index:
            if chunk.index in self._passed:
                self._passed.remove(chunk.index)
                self.late += 1
            return False
        if chunk.index in self._waiting:
            return False
        if len(self._waiting) >= MAX_WAITING:
            del self._waiting[min(self._waiting)]
        self._waiting[chunk.index] = chunk
        return True

    def take(self, until_tick: float) -> Iterator[tuple[MotionChunk, int]]:
        """Packets that are next in order, or whose first tick is due; each with the number of those missing before."""
        while self._waiting:
            index = min(self._waiting)
            is_next = index == self.next_index
            if not is_next and self._waiting[index].tick > until_tick:
                return
            missing = 0 if self.next_index is None else index - self.next_index
            self._passed.extend(range(max(index - HISTORY, index - missing), index))
            self.missing += missing
            self.next_index = index + 1
            yield self._waiting.pop(index), missing
