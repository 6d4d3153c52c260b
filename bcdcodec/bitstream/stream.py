"""Writer and reader of whole `.bcd` streams on file objects (spec sections 2 to 5).

Both hold one packet at a time, so memory does not grow with the length of the stream, and both work on pipes.
"""

from collections.abc import Iterator
from typing import BinaryIO

from bcdcodec.bitstream.bits import MAX_UVARINT, ByteReader, Readable
from bcdcodec.bitstream.header import StreamHeader, read_sections
from bcdcodec.bitstream.packet import (
    MAX_SEEK_POINTS,
    EndPayload,
    MotionPayload,
    Packet,
    PacketKind,
    PayloadRecord,
    SeekPoint,
)
from bcdcodec.bitstream.references import ContentLocator
from bcdcodec.bitstream.stats import StatsCounter, StreamStats
from bcdcodec.bitstream.validator import StreamValidator
from bcdcodec.errors import BitstreamError, DamagedError, TruncatedError


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
        return (self._validator.next_sequence or 0) if self._validator else 0

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

    def finish(self, end_tick: int = 0) -> None:
        """Write the END packet; a stream without it counts as truncated.

        end_tick: until which the last picture stays, where that is after the last motion frame.
        """
        if self._validator is None:
            raise BitstreamError("the header must be written before the END packet")
        tick = max(self._validator.motion_tick, end_tick if self._validator.motion_frames else 0)
        end = EndPayload(self._validator.motion_frames, tuple(self._seek_points), self.offset)
        self._append(Packet(PacketKind.END, self.next_sequence, tick, end.pack()))

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
                packet, record = read_packet(self._reader, self._validator)
            except DamagedError as error:
                if not self._tolerate_loss or error.kind == PacketKind.CONTENT:
                    raise
                continue
            self._stats.add_packet(packet, record, offset=offset)
            if isinstance(record, EndPayload):
                self.end = record
                self._reader.finish(name="stream")
            elif record is not None:
                yield packet


def read_packet(reader: ByteReader, validator: StreamValidator) -> tuple[Packet, PayloadRecord | None]:
    """Read and validate the next packet; returns it and its unpacked payload."""
    offset = reader.offset
    try:
        packet = Packet.read(reader)
    except TruncatedError as error:
        raise TruncatedError(f"stream ends without its END packet: {error}") from error
    record = packet.record()
    validator.accept(packet, record, offset=offset)
    return packet, record


def read_stats(file: Readable, *, keep_packets: bool = False) -> StreamStats:
    """Bit statistics of a whole stream, whose categories add up to the size of the file."""
    reader = StreamReader(file, keep_packets=keep_packets)
    for _ in reader:
        pass
    return reader.stats
