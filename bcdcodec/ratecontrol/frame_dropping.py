"""Fewer frames a second: which frames stay, and when they are shown. In: runs of frames. Out: the same at a lower rate.

A run is a stretch of frames without a gap and without new content inside. Every run keeps its first frame, so that no
shot begins with a picture of its middle, and every `frame_step`th frame from there on:

    frame_step = 2    old ticks   0 1 2 3 4 | 5 6 7 8
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
class DecimatedRun:
    """start: old tick of the first frame. tick: its new one. frames: how many stay, at least 1."""

    start: int
    tick: int
    frames: int
    frame_step: int

    def kept(self, first: int, count: int) -> tuple[int, range]:
        """Of the frames at the old ticks first, first + 1, ... of this run: the new tick of the first that stays, and
        the indices of those that stay (possibly none).
        """
        begin = -(-(first - self.start) // self.frame_step)
        end = max(begin, min(self.frames, -(-(first + count - self.start) // self.frame_step)))
        shift = self.start - first
        return self.tick + begin, range(begin * self.frame_step + shift, end * self.frame_step + shift, self.frame_step)


def decimate(runs: Sequence[Run], frame_step: int) -> list[DecimatedRun] | None:
    """Runs in order, thinned out; None where they are so short that a frame or the end would be shown more than one
    new tick late. With frame_step 1 nothing changes.
    """
    thinned, end = [], 0
    for run in runs:
        tick = max(end, nearest_tick(run.start, frame_step))
        end = max(tick + 1, nearest_tick(run.start + run.frames, frame_step))
        if max(tick * frame_step - run.start, end * frame_step - run.start - run.frames) > frame_step:
            return None
        thinned.append(DecimatedRun(run.start, tick, end - tick, frame_step))
    return thinned


def nearest_tick(tick: int, frame_step: int) -> int:
    """The new tick nearest to an old one, the later of two."""
    return (2 * tick + frame_step) // (2 * frame_step)
