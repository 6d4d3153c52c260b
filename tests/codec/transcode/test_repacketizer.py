"""Packets joined to larger ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcdcodec.codec.transcode.repacketizer import FrameRun, Repacketizer


def codes(first: int, count: int) -> np.ndarray:
    """Codes that say which frame they are of."""
    return np.arange(first, first + count, dtype=np.int32)[:, None]


def joined(counts: list[int], *, size: int, window: int, keys: tuple[int, ...] = (0,)) -> list[tuple[int, bool, int]]:
    """(tick, key, frames) of what packets of so many frames become; the packets of these numbers are key."""
    repacketizer, found, tick = Repacketizer(size, window=window), list[FrameRun](), 0
    for index, count in enumerate(counts):
        found += repacketizer.push(tick, index in keys, codes(tick, count), 0)
        tick += count
    found += repacketizer.flush()
    assert np.concatenate([frames.codes for frames in found])[:, 0].tolist() == list(range(tick))
    assert all(frames.codes[0, 0] == frames.tick for frames in found)
    return [(frames.tick, frames.key, len(frames.codes)) for frames in found]


def test_small_packets_join_up_to_the_size() -> None:
    assert joined([4, 4, 4, 4, 4], size=8, window=4) == [(0, True, 8), (8, False, 8), (16, False, 4)]


def test_key_packets_stay_where_they_are() -> None:
    assert joined([4, 4, 4, 4], size=16, window=4, keys=(0, 2)) == [(0, True, 8), (8, True, 8)]


def test_a_window_that_was_cut_stays_cut() -> None:
    assert joined([4, 3, 4, 4], size=16, window=4) == [(0, True, 7), (7, False, 8)]


def test_large_packets_are_split_at_whole_windows() -> None:
    assert joined([21], size=8, window=4) == [(0, True, 8), (8, False, 8), (16, False, 5)]


def test_a_key_packet_that_lost_all_its_frames_passes_the_key_on() -> None:
    repacketizer = Repacketizer(8, window=1)
    assert repacketizer.push(0, True, codes(0, 2), 0) == []
    (before,) = repacketizer.push(2, True, codes(2, 0), 0)
    assert not repacketizer.has_pending
    assert repacketizer.push(2, False, codes(2, 3), 0) == []
    (after,) = repacketizer.flush()
    assert [(before.tick, before.key), (after.tick, after.key, len(after.codes))] == [(0, True), (2, True, 3)]
    assert repacketizer.flush() == []


@pytest.mark.parametrize("window", [1, 4])
@given(
    counts=st.lists(st.integers(1, 30), min_size=1, max_size=12),
    later_keys=st.sets(st.integers(1, 11)),
    size=st.just(8),
)
def test_no_frame_is_lost_and_keys_stay(window: int, counts: list[int], later_keys: set[int], size: int) -> None:
    starts = [sum(counts[:i]) for i in range(len(counts))]
    keys = (0, *(key for key in later_keys if key < len(counts)))
    found = joined(counts, size=size, window=window, keys=keys)
    assert sorted(tick for tick, key, _ in found if key) == sorted(starts[key] for key in keys)
    assert all(frames <= size for _, _, frames in found)
