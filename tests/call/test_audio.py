"""Sound without holes, whatever came."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcdcodec.call.audio import MAX_CONCEALED_TICKS, PlayedSound, SoundPlayout, sound_chunk
from bcdcodec.call.chunks import SoundChunk
from bcdcodec.video.audio import TICK_SAMPLES, OpusPacket
from bcdcodec.video.live_opus import OpusEncoder

END = 1e9


@pytest.fixture(scope="module")
def packets() -> list[OpusPacket]:
    """A second of a tone."""
    time_s = np.arange(48_000) / 48_000
    tone = (0.3 * np.sin(2 * np.pi * 300 * time_s)).astype(np.float32)[None]
    return OpusEncoder(bitrate=12_000, frame_ms=20).push(tone)


def played(playout: SoundPlayout, until_ms: float, end_ms: float | None = None) -> list[PlayedSound]:
    return list(playout.take(until_ms, end_ms))


def test_all_is_heard_in_order_at_its_time(packets: list[OpusPacket]) -> None:
    playout = SoundPlayout()
    assert playout.add(sound_chunk(packets[:10]))
    assert not playout.add(sound_chunk(packets[:10]))
    assert [sound.tick for sound in played(playout, 79)] == [0, 1, 2, 3]
    assert [sound.tick for sound in played(playout, 80)] == [4]
    assert playout.heard == 5


def test_a_lost_frame_is_made_up_and_not_silent(packets: list[OpusPacket]) -> None:
    playout = SoundPlayout()
    for start in (0, 10):
        playout.add(sound_chunk(packets[start : start + 10]))
    playout.add(sound_chunk(packets[21:30]))
    sounds = played(playout, 29 * 20)
    assert [sound.tick for sound in sounds if sound.concealed] == [20]
    level = [float(np.abs(sound.samples).max()) for sound in sounds]
    assert level[20] > 0.3 * level[19]
    assert playout.concealed == 1


def test_a_long_hole_becomes_silence_and_ends(packets: list[OpusPacket]) -> None:
    playout = SoundPlayout()
    playout.add(sound_chunk(packets[:2]))
    late = [OpusPacket(tick=packet.tick + 40, data=packet.data) for packet in packets[:2]]
    playout.add(sound_chunk(late))
    sounds = played(playout, 41 * 20)
    assert [sound.tick for sound in sounds] == list(range(42))
    assert not sounds[2 + MAX_CONCEALED_TICKS].samples.any()
    assert [sound.tick for sound in sounds if not sound.concealed] == [0, 1, 40, 41]


def test_late_frames_are_not_heard(packets: list[OpusPacket]) -> None:
    playout = SoundPlayout()
    playout.add(sound_chunk(packets[:1]))
    played(playout, 100)
    assert not playout.add(sound_chunk(packets[1:3]))


def test_it_ends_where_the_call_ends(packets: list[OpusPacket]) -> None:
    playout = SoundPlayout()
    playout.add(sound_chunk(packets[:5]))
    assert len(played(playout, END, end_ms=100.0)) == 5


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 6), st.binary(min_size=1, max_size=40)), max_size=20))
def test_any_frames_give_sound_without_holes(frames: list[tuple[int, int, bytes]]) -> None:
    playout = SoundPlayout()
    for tick, ticks, data in frames:
        playout.add(SoundChunk(tick, ticks, (data,)))
    sounds = played(playout, 250 * 20)
    for sound, following in itertools.pairwise(sounds):
        assert sound.samples.shape[1] % TICK_SAMPLES == 0
        assert sound.end_tick == following.tick
