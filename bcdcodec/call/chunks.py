"""Chunks in the body of a datagram with media: type (one byte), length (uvarint), body.

A datagram carries as many as fit, new ones and some of earlier datagrams again. Each tells all by itself what it is,
but MOTION_BEFORE, which has the numbers that precede those of the motion in front of it. Readers skip types that they
do not know.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from bcdcodec.bitstream.bits import ByteReader, checked_bytes, pack_uvarint
from bcdcodec.bitstream.packet import MAX_OPUS_BYTES, MotionPayload
from bcdcodec.bitstream.records import MAX_OPUS_TICKS, check_range
from bcdcodec.call.datagram import MAX_DATAGRAM_BYTES
from bcdcodec.errors import BitstreamError

#: Pieces of one reference at most, and the bytes of one.
MAX_PIECES, MAX_PIECE_BYTES = 1024, 1100
#: Opus frames of one chunk.
MAX_SOUND_FRAMES = 16
#: The byte of a SOUND chunk: ticks of a frame, whether all frames have one first byte, and their number less 1.
_TICKS, _ONE_FIRST, _COUNT_SHIFT = 0b111, 0b1000, 4


class ChunkType(IntEnum):
    """Types of chunks. Ids are never reused."""

    PIECE = 1
    LAST_PIECE = 2
    MOTION = 3
    SOUND = 4
    #: The motion right before that of the chunk in front of it, from the same reference.
    MOTION_BEFORE = 5


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

    def is_before(self, other: "Chunk | None") -> bool:
        """Whether its numbers follow from those of the chunk in front of it."""
        return (
            isinstance(other, MotionChunk)
            and (self.index + 1, self.source) == (other.index, other.source)
            and self.tick + self.record().frames == other.tick
        )


@dataclass(frozen=True, slots=True)
class SoundChunk:
    """Consecutive Opus frames. tick: of the first, in units of 20 ms; frame_ticks: duration of each in these."""

    tick: int
    frame_ticks: int
    frames: tuple[bytes, ...]

    def __post_init__(self) -> None:
        check_range(self.frame_ticks, 1, MAX_OPUS_TICKS, name="duration of an Opus frame")
        check_range(len(self.frames), 1, MAX_SOUND_FRAMES, name="Opus frames of a chunk")
        for frame in self.frames:
            check_range(len(frame), 1, MAX_OPUS_BYTES, name="bytes of an Opus frame")

    def body(self) -> bytes:
        """Its bytes; the first byte of Opus frames stands once where it is the same, as it is in a call."""
        firsts = {frame[0] for frame in self.frames}
        rests = [frame[1:] if len(firsts) == 1 else frame for frame in self.frames]
        flags = (len(rests) - 1) << _COUNT_SHIFT | (_ONE_FIRST if len(firsts) == 1 else 0) | self.frame_ticks
        first = bytes(firsts) if len(firsts) == 1 else b""
        sizes = b"".join(pack_uvarint(len(rest)) for rest in rests[:-1])
        return pack_uvarint(self.tick) + bytes([flags]) + first + sizes + b"".join(rests)

    @classmethod
    def read(cls, reader: ByteReader) -> Self:
        """Inverse of `body`."""
        tick, flags = reader.uvarint(name="tick of sound"), reader.uint(1, name="flags of sound")
        first = reader.take(1, name="first byte of Opus frames") if flags & _ONE_FIRST else b""
        count = flags >> _COUNT_SHIFT
        sizes = [reader.uvarint(name="bytes of an Opus frame", limit=MAX_OPUS_BYTES) for _ in range(count)]
        frames = [first + reader.take(size, name="Opus frame") for size in sizes]
        return cls(tick, flags & _TICKS, (*frames, first + reader.rest()))


Chunk = Piece | MotionChunk | SoundChunk


def pack_chunk(chunk: Chunk, before: Chunk | None = None) -> bytes:
    """The bytes of one chunk. before: the one in front of it in its datagram."""
    match chunk:
        case Piece():
            kind = ChunkType.LAST_PIECE if chunk.is_last else ChunkType.PIECE
            body = pack_uvarint(chunk.ordinal) + pack_uvarint(chunk.index) + chunk.data
        case MotionChunk() if chunk.is_before(before):
            kind, body = ChunkType.MOTION_BEFORE, chunk.payload
        case MotionChunk():
            kind = ChunkType.MOTION
            numbers = (chunk.index, chunk.tick, chunk.source)
            body = b"".join(map(pack_uvarint, numbers)) + chunk.payload
        case SoundChunk():
            kind, body = ChunkType.SOUND, chunk.body()
    return bytes([kind]) + pack_uvarint(len(body)) + body


def pack_chunks(chunks: Iterable[Chunk]) -> bytes:
    """The body of a datagram."""
    return b"".join(pack_chunk(chunk, before) for before, chunk in itertools.pairwise([None, *chunks]) if chunk)


def unpack_chunks(body: bytes) -> list[Chunk]:
    """All chunks of a body; BitstreamError for a malformed one."""
    if len(body) > MAX_DATAGRAM_BYTES:
        raise BitstreamError(f"body has {len(body)} bytes, limit {MAX_DATAGRAM_BYTES}")
    reader, chunks = ByteReader.over(body), list[Chunk]()
    with checked_bytes(name="body of a datagram"):
        while reader.offset < len(body):
            kind = reader.uint(1, name="type of a chunk")
            length = reader.uvarint(name="length of a chunk", limit=MAX_DATAGRAM_BYTES)
            chunk = _unpack(kind, reader.take(length, name="chunk"), chunks[-1] if chunks else None)
            chunks += [] if chunk is None else [chunk]
    return chunks


def _unpack(kind: int, body: bytes, before: Chunk | None) -> Chunk | None:
    reader = ByteReader.over(body)
    if kind in (ChunkType.PIECE, ChunkType.LAST_PIECE):
        ordinal, index = reader.uvarint(name="ordinal of a piece"), reader.uvarint(name="index of a piece")
        return Piece(ordinal, index, reader.rest(), kind == ChunkType.LAST_PIECE)
    if kind == ChunkType.MOTION:
        index, tick, source = (reader.uvarint(name=f"{name} of motion") for name in ("index", "tick", "source"))
        return MotionChunk(index, tick, source, reader.rest())
    if kind == ChunkType.MOTION_BEFORE:
        if not isinstance(before, MotionChunk):
            raise BitstreamError("motion that precedes another has none in front of it")
        frames = MotionPayload.unpack(body).frames
        if not before.index or frames > before.tick:
            raise BitstreamError(f"motion precedes packet {before.index} at tick {before.tick} by {frames} frames")
        return MotionChunk(before.index - 1, before.tick - frames, before.source, body)
    return SoundChunk.read(reader) if kind == ChunkType.SOUND else None
