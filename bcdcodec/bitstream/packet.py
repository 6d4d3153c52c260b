"""Packets and their payload records (spec sections 4 and 5)."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from bcdcodec.bitstream.bits import (
    CRC_BYTES,
    MAX_UVARINT,
    ByteReader,
    checked_bytes,
    pack_crc,
    pack_uint,
    pack_uvarint,
)
from bcdcodec.bitstream.records import MAX_PARTS, MAX_REFERENCE_NUMBER, ContentRecord, check_range
from bcdcodec.errors import BitstreamError, DamagedError, TruncatedError

#: Limits of the spec, section 1.4: they bound the memory that a hostile stream can demand.
MAX_PAYLOAD_BYTES = 1 << 20
MAX_MOTION_FRAMES = 255
MAX_AUDIO_FRAMES = 255
MAX_OPUS_BYTES = 4_000
MAX_SEEK_POINTS = 1 << 16
END_OFFSET_BYTES = 8
#: Flags of a MOTION packet.
_KEY, _NAMED = 1, 2


class PacketKind(IntEnum):
    """Kinds of packets (spec section 4.1). Ids are never reused; packets of other kinds are skipped."""

    CONTENT = 1
    MOTION = 2
    AUDIO = 3
    END = 4
    CONTENT_PART = 5


@dataclass(frozen=True, slots=True)
class MotionPayload:
    """Motion codes of consecutive frames (spec section 5.2).

    key: decoding can start here, without earlier frames; codes: bytes of an entropy coder (entropy/motion.py);
    reference: number of the one in the shot that the frames are made from.
    """

    frames: int
    key: bool
    codes: bytes
    reference: int = 0

    def __post_init__(self) -> None:
        check_range(self.frames, 1, MAX_MOTION_FRAMES, name="frames in a MOTION packet")
        check_range(self.reference, 0, MAX_REFERENCE_NUMBER, name="reference of a MOTION packet")

    def pack(self) -> bytes:
        flags = self.key * _KEY | (_NAMED if self.reference else 0)
        named = bytes([self.reference]) if self.reference else b""
        return pack_uvarint(self.frames) + bytes([flags]) + named + self.codes

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        reader = ByteReader.over(payload)
        frames = reader.uvarint(name="frames in a MOTION packet", limit=MAX_MOTION_FRAMES)
        flags = reader.uint(1, name="MOTION flags")
        check_range(flags, 0, _KEY | _NAMED, name="MOTION flags")
        reference = 0
        if flags & _NAMED:
            reference = reader.uint(1, name="reference of a MOTION packet")
            check_range(reference, 1, MAX_REFERENCE_NUMBER, name="reference that a MOTION packet names")
        return cls(frames, bool(flags & _KEY), reader.rest(), reference)


@dataclass(frozen=True, slots=True)
class ContentPart:
    """Part of the data of a later CONTENT packet (spec section 5.5). index: number of parts before it; 0 restarts."""

    index: int
    data: bytes

    def __post_init__(self) -> None:
        check_range(self.index, 0, MAX_PARTS - 1, name="index of a CONTENT_PART packet")

    def pack(self) -> bytes:
        return pack_uvarint(self.index) + self.data

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        reader = ByteReader.over(payload)
        return cls(reader.uvarint(name="index of a CONTENT_PART packet", limit=MAX_PARTS - 1), reader.rest())


@dataclass(frozen=True, slots=True)
class AudioPayload:
    """Consecutive Opus packets (spec section 5.3), each of the duration in the AUDIO section."""

    frames: tuple[bytes, ...]

    def __post_init__(self) -> None:
        check_range(len(self.frames), 1, MAX_AUDIO_FRAMES, name="frames in an AUDIO packet")
        for frame in self.frames:
            check_range(len(frame), 1, MAX_OPUS_BYTES, name="bytes of an Opus frame")

    def pack(self) -> bytes:
        return pack_uvarint(len(self.frames)) + b"".join(pack_uvarint(len(frame)) + frame for frame in self.frames)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        reader = ByteReader.over(payload)
        count = reader.uvarint(name="frames in an AUDIO packet", limit=MAX_AUDIO_FRAMES)
        frames: list[bytes] = []
        for _ in range(count):
            length = reader.uvarint(name="bytes of an Opus frame", limit=MAX_OPUS_BYTES)
            frames.append(reader.take(length, name="Opus frame"))
        reader.finish(name="AUDIO payload")
        return cls(tuple(frames))


@dataclass(frozen=True, slots=True)
class SeekPoint:
    """Index entry of a key MOTION packet (spec section 5.4). Offsets are in bytes from the start of the file.

    content_offset: first packet or part of the current content, or, while the header's content is current, first part
    of the next content; None where neither exists.
    """

    tick: int
    offset: int
    content_offset: int | None


@dataclass(frozen=True, slots=True)
class EndPayload:
    """Totals and seek index at the end of a file (spec section 5.4). end_offset: offset of the END packet itself."""

    motion_frames: int
    seek_points: tuple[SeekPoint, ...]
    end_offset: int

    def pack(self) -> bytes:
        check_range(len(self.seek_points), 0, MAX_SEEK_POINTS, name="seek points")
        out = bytearray(pack_uvarint(self.motion_frames, name="motion frames") + pack_uvarint(len(self.seek_points)))
        tick = offset = 0
        for point in self.seek_points:
            back = 0 if point.content_offset is None else point.offset - point.content_offset
            out += pack_uvarint(point.tick - tick, name="step between seek ticks")
            out += pack_uvarint(point.offset - offset, name="step between seek offsets")
            out += pack_uvarint(back, name="distance to the content")
            tick, offset = point.tick, point.offset
        return bytes(out + pack_uint(self.end_offset, END_OFFSET_BYTES, name="offset of the END packet"))

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        reader = ByteReader.over(payload)
        motion_frames = reader.uvarint(name="motion frames")
        count = reader.uvarint(name="seek points", limit=MAX_SEEK_POINTS)
        points: list[SeekPoint] = []
        tick = offset = 0
        for _ in range(count):
            tick += reader.uvarint(name="step between seek ticks")
            step = reader.uvarint(name="step between seek offsets")
            back = reader.uvarint(name="distance to the content")
            offset += step
            if not step or back > offset or tick > MAX_UVARINT:
                raise BitstreamError(f"seek point {len(points)} is impossible: tick {tick}, step {step}, back {back}")
            points.append(SeekPoint(tick, offset, offset - back if back else None))
        end_offset = reader.uint(END_OFFSET_BYTES, name="offset of the END packet")
        reader.finish(name="END payload")
        if points and points[-1].offset >= end_offset:
            raise BitstreamError(f"seek point at {points[-1].offset} is not before the END packet at {end_offset}")
        return cls(motion_frames, tuple(points), end_offset)


PayloadRecord = ContentRecord | ContentPart | MotionPayload | AudioPayload | EndPayload


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of a stream (spec section 4).

    kind: a PacketKind, or the number of an unknown one; timestamp: of the payload's start, in codec frames, or in units
    of 20 ms for AUDIO.
    """

    kind: int
    sequence: int
    timestamp: int
    payload: bytes

    def pack(self) -> bytes:
        if len(self.payload) > MAX_PAYLOAD_BYTES:
            raise BitstreamError(f"payload has {len(self.payload)} bytes, limit {MAX_PAYLOAD_BYTES}")
        head = pack_uint(self.kind, 1, name="packet kind")
        head += pack_uvarint(self.sequence, name="sequence") + pack_uvarint(self.timestamp, name="timestamp")
        return pack_crc(head + pack_uvarint(len(self.payload)) + self.payload)

    @classmethod
    def read(cls, reader: ByteReader) -> Self:
        """Read the next packet of a stream; DamagedError for a wrong CRC, TruncatedError at an early end."""
        reader.start_crc()
        kind = reader.uint(1, name="packet kind")
        sequence = reader.uvarint(name="packet sequence")
        timestamp = reader.uvarint(name="packet timestamp")
        length = reader.uvarint(name="payload length", limit=MAX_PAYLOAD_BYTES)
        payload = reader.take(length, name="payload")
        try:
            reader.check_crc(name=f"packet {sequence}")
        except TruncatedError:
            raise
        except BitstreamError as error:
            raise DamagedError(str(error), kind=kind) from error
        return cls(PacketKind(kind) if kind in tuple(PacketKind) else kind, sequence, timestamp, payload)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """A single packet, such as from a network; BitstreamError for bytes after it."""
        reader = ByteReader.over(data)
        packet = cls.read(reader)
        reader.finish(name="packet")
        return packet

    @property
    def size(self) -> int:
        """Size in bytes, with framing."""
        numbers = (self.sequence, self.timestamp, len(self.payload))
        return 1 + sum(len(pack_uvarint(number)) for number in numbers) + len(self.payload) + CRC_BYTES

    def record(self) -> PayloadRecord | None:
        """The unpacked payload; None for an unknown kind, BitstreamError for a malformed payload."""
        with checked_bytes(name=f"payload of packet {self.sequence}"):
            match self.kind:
                case PacketKind.CONTENT:
                    return ContentRecord.unpack(self.payload)
                case PacketKind.MOTION:
                    return MotionPayload.unpack(self.payload)
                case PacketKind.AUDIO:
                    return AudioPayload.unpack(self.payload)
                case PacketKind.END:
                    return EndPayload.unpack(self.payload)
                case PacketKind.CONTENT_PART:
                    return ContentPart.unpack(self.payload)
                case _:
                    return None
