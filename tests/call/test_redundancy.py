"""Copies of media in the datagrams after theirs."""

import pytest

from bcdcodec.bitstream.packet import MotionPayload
from bcdcodec.call.chunks import Chunk, MotionChunk, Piece, SoundChunk, pack_chunk
from bcdcodec.call.redundancy import Repeater, level_for

PAYLOAD = MotionPayload(1, False, b"motion").pack()


def media(index: int) -> list[Chunk]:
    return [MotionChunk(index, index, 0, PAYLOAD), SoundChunk(index, 1, (b"sound",))]


@pytest.mark.parametrize(("loss", "level"), [(0, 0), (0.009, 0), (0.01, 1), (0.079, 1), (0.08, 2), (1, 2)])
def test_the_level_follows_the_loss(loss: float, level: int) -> None:
    assert level_for(loss) == level


@pytest.mark.parametrize(("level", "motion", "sound"), [(0, [], []), (1, [3], [3]), (2, [3, 2], [3])])
def test_a_level_repeats_the_datagrams_before(level: int, motion: list[int], sound: list[int]) -> None:
    repeater = Repeater()
    repeater.level = level
    for index in range(4):
        repeater.remember(media(index))
    assert [chunk.index for chunk in repeater.motion(1000, None) if isinstance(chunk, MotionChunk)] == motion
    assert [chunk.tick for chunk in repeater.sound(1000) if isinstance(chunk, SoundChunk)] == sound


@pytest.mark.parametrize(("packet_ms", "motion"), [(80, [3, 2]), (160, [3]), (240, [])])
def test_copies_that_would_come_late_are_not_sent(packet_ms: int, motion: list[int]) -> None:
    repeater = Repeater()
    repeater.level, repeater.packet_ms = 2, packet_ms
    for index in range(4):
        repeater.remember(media(index))
    assert [chunk.index for chunk in repeater.motion(1000, None) if isinstance(chunk, MotionChunk)] == motion


def test_copies_fit() -> None:
    repeater = Repeater()
    repeater.remember(media(0))
    motion, sound = media(0)
    for copies, chunk in ((lambda room: repeater.motion(room, None), motion), (repeater.sound, sound)):
        size = len(pack_chunk(chunk))
        assert copies(size) == [chunk]
        assert copies(size - 1) == []


def test_motion_behind_its_successor_takes_less() -> None:
    repeater = Repeater()
    repeater.remember(media(0))
    motion, after = media(0)[0], MotionChunk(1, 1, 0, PAYLOAD)
    size = len(pack_chunk(motion, after))
    assert size == len(PAYLOAD) + 2
    assert repeater.motion(size, after) == [motion]


def test_pieces_are_not_repeated_and_do_not_count() -> None:
    repeater = Repeater()
    repeater.remember(media(0))
    repeater.remember([Piece(0, 0, b"", True)])
    assert [*repeater.motion(1000, None), *repeater.sound(1000)] == media(0)
