"""Chunks: what is packed is unpacked, and bodies of any bytes are refused or read within their bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcdcodec.bitstream.packet import MotionPayload
from bcdcodec.call.chunks import (
    Chunk,
    ChunkType,
    MotionChunk,
    Piece,
    SoundChunk,
    pack_chunk,
    pack_chunks,
    unpack_chunks,
)
from bcdcodec.errors import BitstreamError

NUMBERS = st.integers(0, 0xFFFF_FFFF)
PIECES = st.builds(
    lambda first, index, data, last: Piece(first + index, index, data, last),
    st.integers(0, 1 << 31),
    st.integers(0, 1023),
    st.binary(max_size=100),
    st.booleans(),
)
MOTION = st.builds(MotionChunk, NUMBERS, NUMBERS, NUMBERS, st.binary(max_size=100))
FRAMES = st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=4).map(tuple)
SOUND = st.builds(SoundChunk, NUMBERS, st.integers(1, 6), FRAMES)


@given(st.lists(PIECES | MOTION | SOUND, max_size=4))
def test_what_is_packed_is_unpacked(chunks: list[Chunk]) -> None:
    assert unpack_chunks(pack_chunks(chunks)) == chunks


@given(st.binary(max_size=1300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        chunks = unpack_chunks(body)
    except BitstreamError:
        return
    assert sum(len(pack_chunk(chunk)) for chunk in chunks) <= len(body)


@given(chunk=PIECES | MOTION | SOUND, cut=st.integers(1, 20))
def test_a_cut_body_is_refused(chunk: Chunk, cut: int) -> None:
    whole = pack_chunk(chunk)
    with pytest.raises(BitstreamError):
        unpack_chunks(whole[: max(1, len(whole) - cut)])


def test_unknown_types_are_skipped() -> None:
    motion = MotionChunk(1, 2, 0, b"x")
    assert unpack_chunks(bytes([99, 2, 0, 0]) + pack_chunk(motion)) == [motion]


def test_motion_before_that_in_front_of_it_takes_two_bytes_beside_its_payload() -> None:
    payload = MotionPayload(3, False, b"codes").pack()
    after, before = MotionChunk(8, 24, 5, payload), MotionChunk(7, 21, 5, payload)
    assert len(pack_chunks([after, before])) == len(pack_chunk(after)) + len(payload) + 2
    assert unpack_chunks(pack_chunks([after, before])) == [after, before]
    for other in (MotionChunk(6, 21, 5, payload), MotionChunk(7, 20, 5, payload), MotionChunk(7, 21, 0, payload)):
        assert unpack_chunks(pack_chunks([after, other])) == [after, other]


@pytest.mark.parametrize(
    "after", [None, SoundChunk(0, 1, (b"x",)), MotionChunk(0, 9, 0, b""), MotionChunk(9, 2, 0, b"")]
)
def test_motion_before_nothing_is_refused(after: Chunk | None) -> None:
    body = b"" if after is None else pack_chunk(after)
    payload = MotionPayload(3, False, b"codes").pack()
    with pytest.raises(BitstreamError, match=r"motion (that )?precedes"):
        unpack_chunks(body + bytes([ChunkType.MOTION_BEFORE, len(payload)]) + payload)


def test_the_first_byte_of_opus_frames_stands_once() -> None:
    same, other = SoundChunk(100, 3, (b"\x18ab", b"\x18c", b"\x18")), SoundChunk(100, 3, (b"\x18ab", b"\x19c"))
    assert len(pack_chunk(same)) == 2 + 1 + 1 + 1 + 2 + 3
    assert unpack_chunks(pack_chunks([same, other])) == [same, other]


def test_a_motion_chunk_takes_five_bytes_beside_its_payload() -> None:
    assert len(pack_chunk(MotionChunk(100, 120, 0, b""))) == 5


def test_a_piece_is_in_its_reference() -> None:
    assert Piece(12, 2, b"", True).source == 10
    with pytest.raises(BitstreamError, match="index of a piece is 3, allowed are 0 to 2"):
        Piece(2, 3, b"", True)
