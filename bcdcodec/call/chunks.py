"""Chunks in the body of a datagram with media: type (one byte), length (uvarint), body.

A datagram carries as many as fit, new ones and some of earlier datagrams again. Each tells all by itself what it is,
so that repeated ones need no mark. Readers skip types that they do not know.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from bcdcodec.bitstream.bits import ByteReader, checked_bytes, pack_uvarint
from bcdcodec.bitstream.packet import AudioPayload, MotionPayload
from bcdcodec.bitstream.records import MAX_OPUS_TICKS, check_range
from bcdcodec.call.datagram import MAX_DATAGRAM_BYTES
from bcdcodec.errors import BitstreamError

#: Pieces of one reference at most, and the bytes of one.
MAX_PIECES, MAX_PIECE_BYTES = 1024, 1100


class ChunkType(IntEnum):
    """Types of chunks. Ids are never reused."""

    PIECE = 1
    LAST_PIECE = 2
    MOTION = 3
    SOUND = 4


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a reference or of the header (references.py). ordinal: of all pieces of the call; index: in its
    reference, whose name is the ordinal of its first piece.
    """

    ordinal: int
    index: int
    data: bytes
    is_last: bool

    def __post_init__(self) -> None:
        check_range(self.index, 0, min(self.ordinal, MAX_PIECES - 1), name="index of a piece")
        check_range(len(self.data), 0, MAX_PIECE_BYTES, name="bytes of a piece")

    @property
    def source(self) -> int:
        """Name of its reference."""
        return self.ordinal - self.index


@dataclass(frozen=True, slots=True)
class MotionChunk:
    """A MOTION packet. index: of all of the call; tick: of its first frame; source: name of its reference; payload: of
    the packet (bitstream_spec.md, 5.2).
    """

    index: int
    tick: int
    source: int
    payload: bytes

    def record(self) -> MotionPayload:
        """The unpacked payload; BitstreamError for a malformed one."""
        with checked_bytes(name=f"motion {self.index}"):
            return MotionPayload.unpack(self.payload)


@dataclass(frozen=True, slots=True)
class SoundChunk:
    """Consecutive Opus frames. tick: of the first, in units of 20 ms; frame_ticks: duration of each in these."""

    tick: int
    frame_ticks: int
    frames: tuple[bytes, ...]

    def __post_init__(self) -> None:
        check_range(self.frame_ticks, 1, MAX_OPUS_TICKS, name="duration of an Opus frame")


Chunk = Piece | MotionChunk | SoundChunk


def pack_chunk(chunk: Chunk) -> bytes:
    """The bytes of one chunk."""
    match chunk:
        case Piece():
            kind = ChunkType.LAST_PIECE if chunk.is_last else ChunkType.PIECE
            body = pack_uvarint(chunk.ordinal) + pack_uvarint(chunk.index) + chunk.data
        case MotionChunk():
            kind = ChunkType.MOTION
            numbers = (chunk.index, chunk.tick, chunk.source)
            body = b"".join(map(pack_uvarint, numbers)) + chunk.payload
        case SoundChunk():
            kind = ChunkType.SOUND
            body = pack_uvarint(chunk.tick) + bytes([chunk.frame_ticks]) + AudioPayload(chunk.frames).pack()
    return bytes([kind]) + pack_uvarint(len(body)) + body


def pack_chunks(chunks: Iterable[Chunk]) -> bytes:
    """The body of a datagram."""
    return b"".join(map(pack_chunk, chunks))


def unpack_chunks(body: bytes) -> list[Chunk]:
    """All chunks of a body; BitstreamError for a malformed one."""
    if len(body) > MAX_DATAGRAM_BYTES:
        raise BitstreamError(f"body has {len(body)} bytes, limit {MAX_DATAGRAM_BYTES}")
    reader, chunks = ByteReader.over(body), list[Chunk]()
    with checked_bytes(name="body of a datagram"):
        while reader.offset < len(body):
            kind = reader.uint(1, name="type of a chunk")
            length = reader.uvarint(name="length of a chunk", limit=MAX_DATAGRAM_BYTES)
            chunk = _unpack(kind, reader.take(length, name="chunk"))
            chunks += [] if chunk is None else [chunk]
    return chunks


def _unpack(kind: int, body: bytes) -> Chunk | None:
    reader = ByteReader.over(body)
    if kind in (ChunkType.PIECE, ChunkType.LAST_PIECE):
        ordinal, index = reader.uvarint(name="ordinal of a piece"), reader.uvarint(name="index of a piece")
        return Piece(ordinal, index, reader.rest(), kind == ChunkType.LAST_PIECE)
    if kind == ChunkType.MOTION:
        index, tick, source = (reader.uvarint(name=f"{name} of motion") for name in ("index", "tick", "source"))
        return MotionChunk(index, tick, source, reader.rest())
    if kind == ChunkType.SOUND:
        tick, frame_ticks = reader.uvarint(name="tick of sound"), reader.uint(1, name="duration of an Opus frame")
        return SoundChunk(tick, frame_ticks, AudioPayload.unpack(reader.rest()).frames)
    return None
