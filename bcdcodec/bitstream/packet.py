"""One packet and what it carries. In: payloads from codec/. Out: bytes for stream.py, and back (sections 4 and 5)."""

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
from bcdcodec.bitstream.records import MAX_PARTS, ContentRecord, check_range
from bcdcodec.errors import BitstreamError, DamagedError, TruncatedError

MAX_PAYLOAD_BYTES = 1 << 20
MAX_MOTION_FRAMES = 255
MAX_AUDIO_FRAMES = 255
MAX_OPUS_BYTES = 4_000
MAX_SEEK_POINTS = 1 << 16
END_OFFSET_BYTES = 8


class PacketKind(IntEnum):
    """What a packet carries (spec section 5). Ids are never reused; packets of other kinds are skipped."""

    CONTENT = 1
    MOTION = 2
    AUDIO = 3
    END = 4
    CONTENT_PART = 5


@dataclass(frozen=True, slots=True)
class MotionPayload:
    """Codes of consecutive frames (spec section 5.2). key: the decoder starts here, without earlier frames.

    codes: bytes of entropy/packed.py or entropy/static.py, opaque here.
    """

    frames: int
    key: bool
    codes: bytes

    def __post_init__(self) -> None:
        check_range(self.frames, 1, MAX_MOTION_FRAMES, name="frames in a MOTION packet")

    def pack(self) -> bytes:
        return pack_uvarint(self.frames) + bytes([self.key]) + self.codes

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        reader = ByteReader.over(payload)
        frames = reader.uvarint(name="frames in a MOTION packet", limit=MAX_MOTION_FRAMES)
        flags = reader.uint(1, name="MOTION flags")
        check_range(flags, 0, 1, name="MOTION flags")
        return cls(frames, bool(flags), reader.rest())


@dataclass(frozen=True, slots=True)
class ContentPart:
    """A piece of the data of a CONTENT packet to come (spec section 5.5). index: pieces before it; 0 begins anew."""

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
    """Consecutive Opus packets (spec section 5.3), each as long as the AUDIO section says."""

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
    """A key MOTION packet (spec section 5.4): its tick, its place in the file and where what it needs begins.

    content_offset: the first packet, or part, of the content in force there, or else of content that is on its way;
    None where there is neither, and the content of the header is in force. Offsets count bytes from the start of the
    file.
    """

    tick: int
    offset: int
    content_offset: int | None


@dataclass(frozen=True, slots=True)
class EndPayload:
    """The index that closes a file (spec section 5.4). end_offset: where the END packet itself starts."""

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
    """One unit of a stream (spec section 4). kind: a PacketKind, or the number of an unknown one.

    timestamp: tick of the first thing inside; codec frames for video, 20 ms for AUDIO.
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
        """The next packet of a stream."""
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
        """A packet that stands alone, as on a network."""
        reader = ByteReader.over(data)
        packet = cls.read(reader)
        reader.finish(name="packet")
        return packet

    @property
    def size(self) -> int:
        """Bytes in the file."""
        numbers = (self.sequence, self.timestamp, len(self.payload))
        return 1 + sum(len(pack_uvarint(number)) for number in numbers) + len(self.payload) + CRC_BYTES

    def record(self) -> PayloadRecord | None:
        """The payload unpacked and checked; None for an unknown kind."""
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
