"""Frame dropping: which frames remain at a fraction of the frame rate, and at which ticks they are shown.

A run is a stretch of frames without a gap and without new content inside. Every run keeps its first frame, so that no
shot begins with a picture of its middle, and every `frame_step`th frame from there on:

    frame_step = 2    old ticks   0 1 2 3 4 | 5 6 7 8
                      remain       0   2   4 | 5   7
                      new ticks   0   1   2 | 3   4
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """A run of frames. start: tick of the first one. frames: at least 1."""

    start: int
    frames: int


@dataclass(frozen=True, slots=True)
class DecimatedRun:
    """A run after decimation. start: old tick of its first frame; tick: its new one; frames: how many remain, at least
    1; frame_step: every which frame remains.
    """

    start: int
    tick: int
    frames: int
    frame_step: int

    def remaining(self, first: int, count: int) -> tuple[int, range]:
        """New tick of the first remaining frame among the old ticks first, first + 1, ..., and the indices of all that
        remain (possibly none).
        """
        begin = -(-(first - self.start) // self.frame_step)
        end = max(begin, min(self.frames, -(-(first + count - self.start) // self.frame_step)))
        shift = self.start - first
        return self.tick + begin, range(begin * self.frame_step + shift, end * self.frame_step + shift, self.frame_step)


def decimate(runs: Sequence[Run], frame_step: int) -> list[DecimatedRun] | None:
    """Decimate runs in order; None where they are so short that a frame or the end would be shown more than one new
    tick late. With frame_step 1 nothing changes.
    """
    decimated, end = [], 0
    for run in runs:
        tick = max(end, nearest_tick(run.start, frame_step))
        end = max(tick + 1, nearest_tick(run.start + run.frames, frame_step))
        if max(tick * frame_step - run.start, end * frame_step - run.start - run.frames) > frame_step:
            return None
        decimated.append(DecimatedRun(run.start, tick, end - tick, frame_step))
    return decimated


def nearest_tick(tick: int, frame_step: int) -> int:
    """Map an old tick to the nearest new one, the later of two."""
    return (2 * tick + frame_step) // (2 * frame_step)
