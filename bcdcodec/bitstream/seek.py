"""Entering a file in the middle (spec section 5.4). In: a seekable file. Out: its index, packets from a point on."""

import os
from collections.abc import Iterator
from typing import BinaryIO

from bcdcodec.bitstream.bits import CRC_BYTES, ByteReader, checked_bytes
from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.order import PacketOrder
from bcdcodec.bitstream.packet import (
    END_OFFSET_BYTES,
    EndPayload,
    MotionPayload,
    Packet,
    PacketKind,
    SeekPoint,
)
from bcdcodec.bitstream.stream import read_packet
from bcdcodec.errors import BitstreamError, TruncatedError

#: The index of 2**16 points and the framing of its packet fit into this.
MAX_END_BYTES = (1 << 20) + 64


def read_index(file: BinaryIO) -> EndPayload:
    """The END packet, found from the end of the file; TruncatedError where there is none. Moves the file position."""
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
    """The last point at or before a tick; None where the file must be read from its start."""
    return next((point for point in reversed(index.seek_points) if point.tick <= tick), None)


def packets_from(file: BinaryIO, header: StreamHeader, point: SeekPoint) -> Iterator[Packet]:
    """The CONTENT packet in force at a seek point, where there is one, then every packet from the point on."""
    if point.content_offset is not None:
        yield _read_at(file, point.content_offset, kind=PacketKind.CONTENT)
    first = _read_at(file, point.offset, kind=PacketKind.MOTION)
    payload = first.record()
    if first.timestamp != point.tick or not isinstance(payload, MotionPayload) or not payload.key:
        raise BitstreamError(f"seek point at {point.offset} is no key MOTION packet of tick {point.tick}")
    file.seek(point.offset)
    reader = ByteReader(file, offset=point.offset)
    order = PacketOrder(header, joined=True)
    while True:
        packet, record = read_packet(reader, order)
        if isinstance(record, EndPayload):
            reader.finish(name="stream")
            return
        if record is not None:
            yield packet


def _read_at(file: BinaryIO, offset: int, *, kind: PacketKind) -> Packet:
    file.seek(offset)
    with checked_bytes(name=f"seek point at {offset}"):
        packet = Packet.read(ByteReader(file, offset=offset))
    if packet.kind != kind:
        raise BitstreamError(f"seek point at {offset} has a packet of kind {packet.kind}, needs {kind.name}")
    return packet
