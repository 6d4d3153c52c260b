"""Which frames stay when the frame rate is lowered, and when they are shown."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcdcodec.ratecontrol.frame_dropping import DecimatedRun, Run, decimate


def kept_frames(run: Run, thinned: DecimatedRun, packet: int) -> list[tuple[int, int]]:
    """(old tick, new tick) of what stays, asked for in packets of some size."""
    found = []
    for first in range(run.start, run.start + run.frames, packet):
        count = min(packet, run.start + run.frames - first)
        tick, indices = thinned.remaining(first, count)
        assert all(0 <= index < count for index in indices)
        found += [(first + index, tick + i) for i, index in enumerate(indices)]
    return found


def test_every_shot_keeps_its_first_frame() -> None:
    runs = [Run(0, 5), Run(5, 4)]
    thinned = decimate(runs, 2)
    assert thinned is not None
    assert kept_frames(runs[0], thinned[0], 8) == [(0, 0), (2, 1), (4, 2)]
    assert kept_frames(runs[1], thinned[1], 8) == [(5, 3), (7, 4)]


def test_shots_too_short_for_the_lower_rate_are_not_thinned() -> None:
    assert decimate([Run(tick, 1) for tick in range(9)], 2) is None
    assert decimate([Run(0, 20), Run(20, 1), Run(21, 20)], 4) is not None


def test_a_gap_stays_a_gap() -> None:
    thinned = decimate([Run(0, 8), Run(100, 8)], 4)
    assert thinned == [DecimatedRun(0, 0, 2, 4), DecimatedRun(100, 25, 2, 4)]


@pytest.mark.parametrize("packet", [1, 3, 24])
@given(
    gaps_and_frames=st.lists(st.tuples(st.sampled_from([0, 0, 0, 1, 7]), st.integers(1, 40)), min_size=1, max_size=8),
    frame_step=st.sampled_from([1, 2, 4]),
)
def test_order_coverage_and_drift(packet: int, gaps_and_frames: list[tuple[int, int]], frame_step: int) -> None:
    runs: list[Run] = []
    tick = 0
    for gap, frames in gaps_and_frames:
        runs.append(Run(tick + gap, frames))
        tick += gap + frames
    thinned = decimate(runs, frame_step)
    if thinned is None:
        assert frame_step > 1
        assert min(run.frames for run in runs) < frame_step
        return
    shown: list[tuple[int, int]] = []
    for run, thin_run in zip(runs, thinned, strict=True):
        part = kept_frames(run, thin_run, packet)
        assert len(part) == thin_run.frames  # all of them exist, however the frames are cut into packets
        assert part[0] == (run.start, thin_run.tick)
        shown += part
    assert all(new_a < new_b and old_a < old_b for (old_a, new_a), (old_b, new_b) in pairwise(shown))
    assert all(abs(new * frame_step - old) <= frame_step for old, new in shown)
    assert abs((shown[-1][1] + 1) * frame_step - tick) <= frame_step
    if frame_step == 1:
        assert shown == [(old, old) for run in runs for old in range(run.start, run.start + run.frames)]
