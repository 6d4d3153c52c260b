"""Fewer frames a second: which frames stay, and when they are shown. In: runs of frames. Out: the same at a lower rate.

A run is a stretch of frames without a gap and without new content inside. Every run keeps its first frame, so that no
shot begins with a picture of its middle, and every `keep_every`th frame from there on:

    keep_every = 2    old ticks   0 1 2 3 4 | 5 6 7 8
                      stay        0   2   4 | 5   7
                      new ticks   0   1   2 | 3   4
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """start: tick of the first frame. frames: at least 1."""

    start: int
    frames: int


@dataclass(frozen=True, slots=True)
class ThinRun:
    """start: old tick of the first frame. tick: its new one. frames: how many stay, at least 1."""

    start: int
    tick: int
    frames: int
    keep_every: int

    def kept(self, first: int, count: int) -> tuple[int, range]:
        """Of the frames at the old ticks first, first + 1, ... of this run: the new tick of the first that stays, and
        the indices of those that stay (possibly none).
        """
        begin = -(-(first - self.start) // self.keep_every)
        end = max(begin, min(self.frames, -(-(first + count - self.start) // self.keep_every)))
        shift = self.start - first
        return self.tick + begin, range(begin * self.keep_every + shift, end * self.keep_every + shift, self.keep_every)


def thin(runs: Sequence[Run], keep_every: int) -> list[ThinRun] | None:
    """Runs in order, thinned out; None where they are so short that a frame or the end would be shown more than one
    new tick late. With keep_every 1 nothing changes.
    """
    thinned, end = [], 0
    for run in runs:
        tick = max(end, nearest_tick(run.start, keep_every))
        end = max(tick + 1, nearest_tick(run.start + run.frames, keep_every))
        if max(tick * keep_every - run.start, end * keep_every - run.start - run.frames) > keep_every:
            return None
        thinned.append(ThinRun(run.start, tick, end - tick, keep_every))
    return thinned


def nearest_tick(tick: int, keep_every: int) -> int:
    """The new tick nearest to an old one, the later of two."""
    return (2 * tick + keep_every) // (2 * keep_every)
