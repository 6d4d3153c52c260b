"""Writer and reader of whole `.bcd` streams on file objects (spec sections 2 to 5).

Both hold one packet at a time, so memory does not grow with the length of the stream, and both work on pipes.
"""

import os
from collections.abc import Iterator
from typing import BinaryIO

from bcdcodec.bitstream.bits import CRC_BYTES, MAX_UVARINT, ByteReader, Readable
from bcdcodec.bitstream.header import StreamHeader, read_sections
from bcdcodec.bitstream.packet import (
    END_OFFSET_BYTES,
    MAX_SEEK_POINTS,
    EndPayload,
    MotionPayload,
    Packet,
    PacketKind,
    PayloadRecord,
    SeekPoint,
)
from bcdcodec.bitstream.parts import ContentLocator
from bcdcodec.bitstream.stats import StatsCounter, StreamStats
from bcdcodec.bitstream.validator import StreamValidator
from bcdcodec.errors import BitstreamError, DamagedError, TruncatedError

#: Upper bound of the END packet in bytes: the index of 2**16 seek points and the framing.
MAX_END_BYTES = (1 << 20) + 64


class StreamWriter:
    """Writes header, packets and, in `finish`, the END packet with the seek index. The file stays open.

    BitstreamError for anything that a StreamReader would refuse; nothing of it is written.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._stats = StatsCounter()
        self._validator: StreamValidator | None = None
        self._seek_points: list[SeekPoint] = []
        self._content = ContentLocator()
        #: Bytes written so far.
        self.offset = 0

    @property
    def next_sequence(self) -> int:
        """Sequence number of the next packet."""
        return self._validator.next_sequence if self._validator else 0

    @property
    def stats(self) -> StreamStats:
        """Statistics of the bits written so far."""
        return self._stats.stats()

    def write_header(self, header: StreamHeader) -> None:
        """Write the header, once and before the first packet."""
        if self._validator is not None:
            raise BitstreamError("the header is already written")
        self._put(header.pack())
        self._validator = StreamValidator(header)
        self._stats.add_header(list(header.sections()))

    def write(self, packet: Packet) -> None:
        """Append a packet; its sequence number must be `next_sequence`. The END packet is written by `finish`."""
        if packet.kind == PacketKind.END:
            raise BitstreamError("the END packet is written by finish()")
        offset = self.offset
        record = self._append(packet)
        self._content.observe(record, offset)
        if isinstance(record, MotionPayload) and record.key:
            self._index(SeekPoint(packet.timestamp, offset, self._content.offset))

    def finish(self) -> None:
        """Write the END packet; a stream without it counts as truncated."""
        if self._validator is None:
            raise BitstreamError("the header must be written before the END packet")
        end = EndPayload(self._validator.motion_frames, tuple(self._seek_points), self.offset)
        self._append(Packet(PacketKind.END, self.next_sequence, self._validator.motion_tick, end.pack()))

    def _append(self, packet: Packet) -> PayloadRecord | None:
        if self._validator is None:
            raise BitstreamError("the header must be written before the first packet")
        data, record = packet.pack(), packet.record()
        self._validator.accept(packet, record, offset=self.offset)
        self._stats.add_packet(packet, record, offset=self.offset)
        self._put(data)
        return record

    def _index(self, point: SeekPoint) -> None:
        if point.content_offset is not None and point.offset - point.content_offset > MAX_UVARINT:
            return  # too far for a uvarint; decoding can still start at other points
        if len(self._seek_points) == MAX_SEEK_POINTS:
            del self._seek_points[1::2]  # points are independent, so every second one is still an index
        self._seek_points.append(point)

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self.offset += len(data)


class StreamReader:
    """Iterates over the CONTENT, CONTENT_PART, MOTION and AUDIO packets of a stream; the header is read at once.

    BitstreamError for damage and TruncatedError for an early end, after all packets before were returned. Packets of
    unknown kinds are checked and skipped; the END packet is checked and kept in `end`.

    tolerate_loss: packets that are missing or whose checksum is wrong are counted in `lost`, and reading resumes after
    them; packets that are returned pass all other checks. A damaged CONTENT packet still raises, as the motion that
    follows is relative to it.
    """

    def __init__(self, file: Readable, *, keep_packets: bool = False, tolerate_loss: bool = False) -> None:
        self._reader = ByteReader(file)
        self._stats = StatsCounter(keep_packets=keep_packets)
        sections = read_sections(self._reader)
        self.header = StreamHeader.from_sections(sections)
        self._stats.add_header(sections)
        self.end: EndPayload | None = None
        self._tolerate_loss = tolerate_loss
        self._validator = StreamValidator(self.header, tolerate_loss=tolerate_loss)
        self._packets = self._read()

    @property
    def stats(self) -> StreamStats:
        """Statistics of the bits read so far."""
        return self._stats.stats()

    @property
    def lost(self) -> int:
        """Packets that are missing before the last one that was read; always 0 unless loss is tolerated."""
        return self._validator.lost

    @property
    def motion_tick(self) -> int:
        """Tick after the last motion frame read; after the END packet, the end of the stream."""
        return self._validator.motion_tick

    def __iter__(self) -> Iterator[Packet]:
        return self

    def __next__(self) -> Packet:
        return next(self._packets)

    def _read(self) -> Iterator[Packet]:
        while self.end is None:
            offset = self._reader.offset
            try:
                packet = Packet.read(self._reader)
            except TruncatedError as error:
                raise TruncatedError(f"stream ends without its END packet: {error}") from error
            except DamagedError as error:
                if not self._tolerate_loss or error.kind == PacketKind.CONTENT:
                    raise
                continue
            record = packet.record()
            self._validator.accept(packet, record, offset=offset)
            self._stats.add_packet(packet, record, offset=offset)
            if isinstance(record, EndPayload):
                self.end = record
                self._reader.finish(name="stream")
            elif record is not None:
                yield packet


def read_index(file: BinaryIO) -> EndPayload:
    """Read the END packet from the end of a seekable file (spec section 5.4), which moves the position.

    TruncatedError where there is none.
    """
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


def read_stats(file: Readable, *, keep_packets: bool = False) -> StreamStats:
    """Bit statistics of a whole stream, whose categories add up to the size of the file."""
    reader = StreamReader(file, keep_packets=keep_packets)
    for _ in reader:
        pass
    return reader.stats
