"""Streams as lists of sections and packets, from which single rules of bitstream_spec.md are broken."""

import dataclasses
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

#: The still of the examples of the specification, 16x16.
PLATE = bytes.fromhex("12000a06180cffd2108032131040000000002039501400adcb05d8f86e9b30")
MAGIC = bytes.fromhex("8b4243440d0a1a0a")
CONTENT, MOTION, AUDIO, END, PART = 1, 2, 3, 4, 5
MODEL_SECTION, VIDEO_SECTION, CODING_SECTION, CONTENT_SECTION, AUDIO_SECTION = 1, 2, 3, 4, 5
META_SECTION, PLATE_SECTION, CALL_SECTION = 6, 7, 8
UNKNOWN = 90


def uvarint(value: int, *, padded: bool = False) -> bytes:
    """Bytes of a number; padded: one byte more than needed."""
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value | 128 if padded else value)
    return bytes(out + b"\0") if padded else bytes(out)


def sealed(data: bytes) -> bytes:
    return data + zlib.crc32(data).to_bytes(4, "big")


@dataclass(frozen=True)
class Part:
    """A packet. references: index of the packet that the references of a seek point here start with, -1 for none; None
    where it is no seek point. size: of the payload as stated.
    """

    kind: int
    timestamp: int
    payload: bytes
    references: int | None = None
    frames: int = 0
    sequence: int | None = None
    size: bytes | None = None


def motion(
    timestamp: int, codes: bytes, *, frames: int = 1, key: bool = False, named: int = 0, references: int | None = None
) -> Part:
    flags = key | (2 if named else 0)
    payload = uvarint(frames) + bytes([flags]) + (bytes([named]) if named else b"") + codes
    return Part(MOTION, timestamp, payload, references if key else None, frames)


def record(
    data: bytes, *, coding: int, x: int = -8, size: int = 300, number: int = 0, drops: int = 0, parts: int | None = None
) -> bytes:
    """A content record."""
    coding |= (64 if number else 0) | (128 if parts is not None else 0)
    head = x.to_bytes(2, "big", signed=True) + (24).to_bytes(2, "big") + size.to_bytes(2, "big") + bytes([coding])
    return head + (bytes([number, drops]) if number else b"") + (b"" if parts is None else uvarint(parts)) + data


def video(*, sizes: tuple[int, int, int] = (640, 480, 256), rate: tuple[int, int] = (25, 2), flags: int = 1) -> bytes:
    return b"".join(size.to_bytes(2, "big") for size in sizes) + uvarint(rate[0]) + uvarint(rate[1]) + bytes([flags])


def coding(*, mode: int = 0, groups: int = 5, bits: int = 3, window: int = 4, context: int = 1) -> bytes:
    return bytes([mode, groups, bits, 0, 0, 0, 7, window, context])


def audio(
    *, codec: int = 1, channels: int = 1, rate: int = 48_000, bitrate: int = 6_000, frame_ticks: int = 3
) -> bytes:
    head = bytes([codec, channels]) + rate.to_bytes(4, "big") + (312).to_bytes(2, "big")
    return head + bitrate.to_bytes(4, "big") + bytes([frame_ticks])


def opus(*packets: bytes) -> bytes:
    return uvarint(len(packets)) + b"".join(uvarint(len(packet)) + packet for packet in packets)


@dataclass(frozen=True)
class Recipe:
    """A stream before it is written. end: changes the fields of END, which are right otherwise; `seek_points` there are
    [tick, offset, distance] each.
    """

    sections: tuple[tuple[int, bytes], ...]
    packets: tuple[Part, ...]
    end: Callable[["EndFields"], None] = lambda fields: None
    change: Callable[[bytes], bytes] = lambda data: data

    def with_section(self, kind: int, body: bytes) -> "Recipe":
        """The section of a kind with another body."""
        sections = tuple((one, body if one == kind else old) for one, old in self.sections)
        return dataclasses.replace(self, sections=sections)

    def without_section(self, kind: int) -> "Recipe":
        return dataclasses.replace(self, sections=tuple(one for one in self.sections if one[0] != kind))

    def and_section(self, kind: int, body: bytes) -> "Recipe":
        return dataclasses.replace(self, sections=(*self.sections, (kind, body)))

    def with_packet(self, index: int, **changes: object) -> "Recipe":
        packets = list(self.packets)
        packets[index] = dataclasses.replace(packets[index], **changes)  # type: ignore[arg-type]
        return dataclasses.replace(self, packets=tuple(packets))

    def without_packet(self, index: int) -> "Recipe":
        return dataclasses.replace(self, packets=self.packets[:index] + self.packets[index + 1 :])

    def and_packets(self, *packets: Part) -> "Recipe":
        """Packets behind the others, before END."""
        return dataclasses.replace(self, packets=self.packets + packets)

    def write(self) -> bytes:
        """The file."""
        data = bytearray(MAGIC + b"\1")
        for kind, body in (*self.sections, (0, b"")):
            data += sealed(bytes([kind]) + uvarint(len(body)) + body)
        offsets = list[int]()
        fields = EndFields()
        for index, part in enumerate(self.packets):
            offsets.append(len(data))
            if part.references is not None:
                back = 0 if part.references < 0 else len(data) - offsets[part.references]
                fields.seek_points.append([part.timestamp, len(data), back])
            if part.kind == MOTION:
                fields.frames, fields.timestamp = fields.frames + part.frames, part.timestamp + part.frames
            data += _packet(part, index)
        fields.offset = len(data)
        self.end(fields)
        data += _packet(Part(END, fields.timestamp, fields.payload()), len(self.packets))
        return self.change(bytes(data))


@dataclass
class EndFields:
    """Fields of END."""

    frames: int = 0
    timestamp: int = 0
    seek_points: list[list[int]] = field(default_factory=list)
    count: int | None = None
    offset: int = 0
    rest: bytes = b""

    def payload(self) -> bytes:
        count = len(self.seek_points) if self.count is None else self.count
        out, tick, at = uvarint(self.frames) + uvarint(count), 0, 0
        for point in self.seek_points:
            out += uvarint(point[0] - tick) + uvarint(point[1] - at) + uvarint(point[2])
            tick, at = point[:2]
        return out + self.offset.to_bytes(8, "big") + self.rest


def _packet(part: Part, index: int) -> bytes:
    size = uvarint(len(part.payload)) if part.size is None else part.size
    sequence = index if part.sequence is None else part.sequence
    return sealed(bytes([part.kind]) + uvarint(sequence) + uvarint(part.timestamp) + size + part.payload)


def valid_stream(model_id: bytes, still: bytes, face: bytes) -> Recipe:
    """A stream with every kind of section and packet; codes are packed. still: of 256 pixels; face: landmarks and a
    still.
    """
    sections = (
        (MODEL_SECTION, model_id),
        (VIDEO_SECTION, video()),
        (CODING_SECTION, coding()),
        (CONTENT_SECTION, record(still, coding=1)),
        (AUDIO_SECTION, audio()),
        (META_SECTION, json.dumps({"title": "é"}, ensure_ascii=False).encode()),
        (PLATE_SECTION, PLATE),
        (CALL_SECTION, b""),
        (UNKNOWN, b"later"),
    )
    packets = (
        motion(0, bytes.fromhex("a1b2c3c0"), frames=2, key=True, references=-1),
        Part(AUDIO, 0, opus(b"\x58a", b"\x58b")),
        Part(PART, 2, uvarint(0) + face[:10]),
        Part(PART, 2, uvarint(1) + face[10:20]),
        Part(CONTENT, 2, record(face[20:], coding=2, number=1, parts=2)),
        motion(2, b"\1\2", key=True, named=1, references=2),
        motion(3, b"\3\4", named=1),
        Part(CONTENT, 4, record(still, coding=1, x=5)),
        motion(4, b"\5\6", key=True, references=7),
        motion(5, b"\7\10"),
        Part(250, 0, b"later"),
    )
    return Recipe(sections, packets)
