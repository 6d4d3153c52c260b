"""Random access to seekable files by the index in the END packet (spec section 5.4)."""

import os
from collections.abc import Iterator
from typing import BinaryIO

from bcdcodec.bitstream.bits import CRC_BYTES, ByteReader, checked_bytes
from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import (
    END_OFFSET_BYTES,
    ContentPart,
    EndPayload,
    MotionPayload,
    Packet,
    PacketKind,
    SeekPoint,
)
from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.bitstream.stream import read_packet
from bcdcodec.bitstream.validator import StreamValidator
from bcdcodec.errors import BitstreamError, TruncatedError

#: Upper bound of the END packet in bytes: the index of 2**16 seek points and the framing.
MAX_END_BYTES = (1 << 20) + 64


def read_index(file: BinaryIO) -> EndPayload:
    """Read the END packet from the end of a file; TruncatedError where there is none. Moves the file position."""
    size = file.seek(0, os.SEEK_END)
    tail = END_OFFSET_BYTES + CRC_BYTES
    if size < tail:
        raise TruncatedError(f"file has {size} bytes, too few for an END packet")
    file.seek(size - tail)
    start = int.from_bytes(ByteReader(file).take(END_OFFSET_BYTES, name="offset of the END packet"), "big")
    if not size - MAX_END_BYTES <= start < size - tail:
        raise TruncatedError(f"file does not end in an END packet: its offset would be {start} of {size} bytes")
    file.seek(start)
    data = ByteReader(file).take(size - start, name="END packet")
    try:
        packet = Packet.unpack(data)
        record = packet.record()
    except BitstreamError as error:
        raise TruncatedError(f"file does not end in an END packet: {error}") from error
    if not isinstance(record, EndPayload) or record.end_offset != start:
        raise TruncatedError(f"file does not end in an END packet: packet kind {packet.kind} at {start}")
    return record


def find_seek_point(index: EndPayload, tick: int) -> SeekPoint | None:
    """The last seek point at or before a tick; None where the file must be read from its start."""
    return next((point for point in reversed(index.seek_points) if point.tick <= tick), None)


def packets_from(file: BinaryIO, header: StreamHeader, point: SeekPoint) -> Iterator[Packet]:
    """Yield the CONTENT and CONTENT_PART packets that a seek point needs, then all packets from it on."""
    validator = StreamValidator(header, joined=True)
    if point.content_offset is not None:
        for packet in _content_before(file, point.content_offset, point.offset):
            record = packet.record()
            assert isinstance(record, ContentRecord | ContentPart), "these are the packets of contents"
            validator.resume(record)
            yield packet
    file.seek(point.offset)
    with checked_bytes(name=f"seek point at {point.offset}"):
        first = Packet.read(ByteReader(file, offset=point.offset))
    found = first.record()
    if first.timestamp != point.tick or not isinstance(found, MotionPayload) or not found.key:
        raise BitstreamError(f"seek point at {point.offset} is no key MOTION packet of tick {point.tick}")
    file.seek(point.offset)
    reader = ByteReader(file, offset=point.offset)
    while True:
        packet, payload = read_packet(reader, validator)
        if isinstance(payload, EndPayload):
            reader.finish(name="stream")
            return
        if payload is not None:
            yield packet


def _content_before(file: BinaryIO, start: int, end: int) -> Iterator[Packet]:
    """CONTENT and CONTENT_PART packets between two offsets; the first one starts at `start`."""
    kinds = (PacketKind.CONTENT, PacketKind.CONTENT_PART)
    offset = start
    while offset < end:
        file.seek(offset)
        with checked_bytes(name=f"content at {offset}"):
            packet = Packet.read(ByteReader(file, offset=offset))
        if packet.kind in kinds:
            yield packet
        elif offset == start:
            raise BitstreamError(f"content at {offset} is a packet of kind {packet.kind}, needs {kinds[0].name}")
        offset += packet.size
    if offset != end:
        raise BitstreamError(f"seek point at {end} is inside the packet that ends at {offset}")
