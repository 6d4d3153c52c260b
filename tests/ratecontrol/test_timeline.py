"""Bits over time, by hand."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcdcodec.bitstream.packet import PacketKind
from bcdcodec.bitstream.stats import PacketStats
from bcdcodec.errors import ConfigError
from bcdcodec.ratecontrol.bucket import LeakyBucket
from bcdcodec.ratecontrol.timeline import Sent, Timeline

RATE = Fraction(10)


def packet(kind: int, tick: int, bits: int, frames: int = 0) -> PacketStats:
    return PacketStats(kind, 0, tick, 0, bits - 8, 8, frames, False)


@pytest.fixture
def timeline() -> Timeline:
    """Two seconds of motion at 1 kbit/s, then new content of 3 kbit and one second of 2 kbit, sound aside."""
    return Timeline.of_packets(
        [
            packet(PacketKind.AUDIO, 0, 9999),
            packet(PacketKind.MOTION, 0, 2000, frames=20),
            packet(PacketKind.CONTENT, 20, 3000),
            packet(PacketKind.MOTION, 20, 2000, frames=10),
            packet(77, 5, 100),
            packet(PacketKind.END, 30, 200),
        ],
        RATE,
    )


def test_packets_have_times_and_sound_and_index_are_left_out(timeline: Timeline) -> None:
    assert timeline.packets == (
        Sent(PacketKind.MOTION, 0.0, 2.0, 2000),
        Sent(PacketKind.CONTENT, 2.0, 2.0, 3000),
        Sent(PacketKind.MOTION, 2.0, 3.0, 2000),
        Sent(77, 3.0, 3.0, 100),
    )
    assert timeline.duration_s == 3.0
    assert timeline.mean_rate == pytest.approx(7100 / 3)


def test_moving_rates(timeline: Timeline) -> None:
    found = timeline.moving_rate([1.0, 1.5, 1.99, 2.0, 2.5, 2.99, 3.0], 1.0)
    assert found == pytest.approx([1000, 1000, 1000, 4000, 4500, 4990, 2100])


def test_the_fill_drains_to_zero_between_packets(timeline: Timeline) -> None:
    times_s, fills = timeline.fill(LeakyBucket(2000, 1.0))
    assert times_s == pytest.approx([0, 0, 0, 1, 2, 2, 2, 2, 3, 3, 3])
    assert fills == pytest.approx([0, 0, 2000, 0, 0, 3000, 3000, 5000, 3000, 3100, 3100])


def test_without_frames_there_is_no_time() -> None:
    with pytest.raises(ConfigError, match="no frames"):
        Timeline.of_packets([packet(PacketKind.END, 0, 200)], RATE)


@given(
    parts=st.lists(st.tuples(st.integers(8, 5000), st.integers(1, 30), st.integers(0, 5)), min_size=1, max_size=10),
    bitrate=st.integers(100, 5000),
)
def test_no_bit_is_lost_and_fills_stay_in_bounds(parts: list[tuple[int, int, int]], bitrate: int) -> None:
    packets, tick = [], 0
    for bits, frames, gap in parts:
        packets.append(packet(PacketKind.MOTION, tick + gap, bits, frames))
        tick += gap + frames
    found = Timeline.of_packets(packets, RATE)
    total = sum(bits for bits, _, _ in parts)
    assert found.moving_rate([found.duration_s], found.duration_s)[0] * found.duration_s == pytest.approx(total)
    times_s, fills = found.fill(LeakyBucket(bitrate, 1.0))
    assert times_s == sorted(times_s)
    assert min(fills) >= 0 and max(fills) <= total
