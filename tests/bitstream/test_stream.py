"""Whole streams (spec section 2): round trips, every cut, every flipped bit, rubbish and pipes."""

import io
import os
import random
import threading
import tracemalloc
from collections.abc import Callable

import pytest

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import MAX_SEEK_POINTS, MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.stream import StreamReader, StreamWriter
from bcdcodec.errors import BitstreamError, DamagedError, TruncatedError

KNOWN = {PacketKind.CONTENT, PacketKind.MOTION, PacketKind.AUDIO}
MOTION = MotionPayload(1, True, b"x").pack()


def read_until_error(data: bytes) -> tuple[list[Packet], BitstreamError | None]:
    """Everything a reader hands out, and the error that ended it."""
    found: list[Packet] = []
    try:
        for packet in StreamReader(io.BytesIO(data)):
            found.append(packet)
    except BitstreamError as error:
        return found, error
    return found, None


def test_round_trip(header: StreamHeader, packets: list[Packet], stream: bytes) -> None:
    reader = StreamReader(io.BytesIO(stream))
    assert reader.header == header
    assert list(reader) == [packet for packet in packets if packet.kind in KNOWN]
    assert reader.end is not None and reader.end.motion_frames == 4
    assert list(reader) == []


def test_empty_stream(header: StreamHeader, write: Callable[..., bytes]) -> None:
    reader = StreamReader(io.BytesIO(write([])))
    assert list(reader) == []
    assert reader.end is not None and reader.end.seek_points == ()


def test_index_points_at_key_packets(header: StreamHeader, stream: bytes) -> None:
    reader = StreamReader(io.BytesIO(stream))
    list(reader)
    assert reader.end is not None
    first, second = reader.end.seek_points
    assert (first.tick, first.content_offset) == (0, None)
    assert (second.tick, stream[second.offset]) == (2, PacketKind.MOTION)
    assert second.content_offset is not None and stream[second.content_offset] == PacketKind.CONTENT
    assert stream[reader.end.end_offset] == PacketKind.END


def test_every_truncation_is_reported_after_everything_before_it(packets: list[Packet], stream: bytes) -> None:
    known = [packet for packet in packets if packet.kind in KNOWN]
    whole, _ = read_until_error(stream)
    counts = []
    for cut in range(len(stream)):
        found, error = read_until_error(stream[:cut])
        assert isinstance(error, TruncatedError)
        assert found == known[: len(found)]
        counts.append(len(found))
    assert counts == sorted(counts)
    assert counts[-1] == len(whole) == len(known)


def test_every_bit_flip_is_reported_and_nothing_else_comes_out(packets: list[Packet], stream: bytes) -> None:
    known = [packet for packet in packets if packet.kind in KNOWN]
    for bit in range(8 * len(stream)):
        flipped = bytearray(stream)
        flipped[bit // 8] ^= 1 << bit % 8
        found, error = read_until_error(bytes(flipped))
        assert error is not None, f"bit {bit} was not noticed"
        assert found == known[: len(found)]


def test_rubbish_after_a_valid_prefix_ends_in_an_error(stream: bytes) -> None:
    source = random.Random(5)
    for _ in range(400):
        rubbish = source.randbytes(source.randrange(200))
        _, error = read_until_error(stream[: source.randrange(len(stream))] + rubbish)
        assert error is not None


def test_rubbish_with_right_checksums_is_read_or_refused(header: StreamHeader, stream: bytes) -> None:
    """Only the checks of the payloads stand between such packets and the decoder."""
    source = random.Random(6)
    start = header.pack()
    for _ in range(1500):
        kind = source.choice([1, 2, 2, 3, 4, 9])
        payload = bytes([source.choice([0, 1, 2, 255])] * source.randrange(3)) + source.randbytes(source.randrange(24))
        found, error = read_until_error(start + Packet(kind, 0, source.choice([0, 1]), payload).pack())
        assert error is not None
        assert [packet.payload for packet in found] in ([], [payload])


def test_memory_does_not_grow_with_the_stream(header: StreamHeader) -> None:
    file = io.BytesIO()
    writer = StreamWriter(file)
    writer.write_header(header)
    body = MotionPayload(1, False, bytes(2000)).pack()
    for tick in range(1000):
        writer.write(Packet(PacketKind.MOTION, tick, tick, body if tick else MOTION))
    writer.finish()
    reader = StreamReader(io.BytesIO(file.getvalue()))
    tracemalloc.start()
    count = sum(1 for _ in reader)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 1000
    assert peak < 100_000 < len(file.getvalue())


def test_bytes_after_the_end_packet_are_refused(packets: list[Packet], stream: bytes) -> None:
    found, error = read_until_error(stream + b"\0")
    assert len(found) == 5
    assert error is not None and "after its end" in str(error)
    assert not isinstance(error, TruncatedError)


def test_cut_at_a_packet_is_said_to_lack_the_end(stream: bytes) -> None:
    reader = StreamReader(io.BytesIO(stream))
    list(reader)
    assert reader.end is not None
    found, error = read_until_error(stream[: reader.end.end_offset])
    assert len(found) == 5
    assert error is not None and "without its END packet" in str(error)


def test_reading_from_a_pipe(packets: list[Packet], stream: bytes) -> None:
    source, sink = os.pipe()

    def feed() -> None:
        with os.fdopen(sink, "wb", buffering=0) as file:
            for start in range(0, len(stream), 7):
                file.write(stream[start : start + 7])

    feeder = threading.Thread(target=feed)
    feeder.start()
    with os.fdopen(source, "rb", buffering=0) as file:
        found = list(StreamReader(file))
    feeder.join()
    assert found == [packet for packet in packets if packet.kind in KNOWN]


def test_packets_come_out_before_the_rest_is_written(stream: bytes) -> None:
    """A live stream must not wait for its end: the reader never reads ahead."""
    reader = StreamReader(io.BytesIO(stream))
    offsets = []
    for _ in range(3):
        next(reader)
        offsets.append(reader.stats.total_bits // 8)
    first = StreamReader(io.BytesIO(stream[: offsets[0]]))
    assert next(first).sequence == 0


def test_writer_numbers_and_places_packets(header: StreamHeader) -> None:
    file = io.BytesIO()
    writer = StreamWriter(file)
    writer.write_header(header)
    assert writer.next_sequence == 0
    for tick in range(3):
        writer.write(Packet(PacketKind.MOTION, writer.next_sequence, tick, MOTION))
    writer.finish()
    assert writer.next_sequence == 4
    assert writer.offset == len(file.getvalue())
    assert writer.stats.total_bits == 8 * writer.offset


def test_refused_packet_leaves_the_stream_as_it_was(header: StreamHeader) -> None:
    file = io.BytesIO()
    writer = StreamWriter(file)
    writer.write_header(header)
    before = file.getvalue()
    for bad in (
        Packet(PacketKind.MOTION, 1, 0, MOTION),
        Packet(PacketKind.MOTION, 0, 0, b""),
        Packet(PacketKind.MOTION, 0, 0, MotionPayload(1, False, b"").pack()),
        Packet(PacketKind.END, 0, 0, b""),
        Packet(300, 0, 0, b""),
    ):
        with pytest.raises(BitstreamError):
            writer.write(bad)
    assert file.getvalue() == before
    writer.write(Packet(PacketKind.MOTION, 0, 0, MOTION))
    writer.finish()
    assert len(list(StreamReader(io.BytesIO(file.getvalue())))) == 1


def test_writer_keeps_its_order(header: StreamHeader) -> None:
    writer = StreamWriter(io.BytesIO())
    with pytest.raises(BitstreamError, match="header"):
        writer.write(Packet(PacketKind.MOTION, 0, 0, MOTION))
    with pytest.raises(BitstreamError, match="header"):
        writer.finish()
    writer.write_header(header)
    with pytest.raises(BitstreamError, match="already"):
        writer.write_header(header)
    writer.finish()
    with pytest.raises(BitstreamError, match="follows the END"):
        writer.finish()


def test_index_is_thinned_and_still_right(header: StreamHeader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bcdcodec.bitstream.stream.MAX_SEEK_POINTS", 8)
    assert MAX_SEEK_POINTS > 8
    file = io.BytesIO()
    writer = StreamWriter(file)
    writer.write_header(header)
    for tick in range(50):
        writer.write(Packet(PacketKind.MOTION, tick, tick, MOTION))
    writer.finish()
    reader = StreamReader(io.BytesIO(file.getvalue()))
    list(reader)
    assert reader.end is not None
    points = reader.end.seek_points
    assert 4 <= len(points) <= 8 and points[0].tick == 0
    for point in points:
        packet = Packet.unpack(file.getvalue()[point.offset :][: _size(point.tick)])
        assert packet.timestamp == point.tick


def _size(tick: int) -> int:
    return Packet(PacketKind.MOTION, tick, tick, MOTION).size


def read_tolerantly(data: bytes) -> tuple[StreamReader, list[Packet]]:
    reader = StreamReader(io.BytesIO(data), tolerate_loss=True)
    return reader, list(reader)


def without(stream: bytes, packets: list[Packet], sequence: int) -> bytes:
    """The stream without one packet, as if a network had dropped it."""
    lost = packets[sequence].pack()
    assert stream.count(lost) == 1
    return stream.replace(lost, b"")


def flipped(stream: bytes, packets: list[Packet], sequence: int, place: int) -> bytes:
    """The stream with one bit of a packet changed; place counts bytes from the packet's start, or from its end."""
    data = packets[sequence].pack()
    start = stream.index(data)
    changed = bytearray(stream)
    changed[start + place % len(data)] ^= 1
    return bytes(changed)


@pytest.mark.parametrize("lost", [0, 1, 4, 5])
def test_loss_tolerant_reading_goes_on_after_missing_and_damaged_packets(
    packets: list[Packet], stream: bytes, lost: int
) -> None:
    known = [packet for packet in packets if packet.kind in KNOWN and packet.sequence != lost]
    for data in (without(stream, packets, lost), flipped(stream, packets, lost, -1), flipped(stream, packets, lost, 5)):
        assert read_until_error(data)[1] is not None, "without being asked, nothing is skipped"
        reader, found = read_tolerantly(data)
        assert (found, reader.lost, reader.motion_tick) == (known, 1, 4)
        assert reader.end is not None


def test_loss_tolerant_reading_of_a_whole_stream_loses_nothing(packets: list[Packet], stream: bytes) -> None:
    reader, found = read_tolerantly(stream)
    assert (found, reader.lost) == ([packet for packet in packets if packet.kind in KNOWN], 0)


def test_damaged_content_ends_loss_tolerant_reading(packets: list[Packet], stream: bytes) -> None:
    reader = StreamReader(io.BytesIO(flipped(stream, packets, 2, -1)), tolerate_loss=True)
    assert [next(reader).sequence, next(reader).sequence] == [0, 1]
    with pytest.raises(DamagedError) as caught:
        next(reader)
    assert caught.value.kind == PacketKind.CONTENT


def test_loss_tolerant_reading_refuses_what_loss_cannot_explain(packets: list[Packet], stream: bytes) -> None:
    twice = stream.replace(packets[1].pack(), 2 * packets[1].pack())
    with pytest.raises(BitstreamError, match="has sequence 1, expected 2"):
        read_tolerantly(twice)
    with pytest.raises(TruncatedError):
        read_tolerantly(stream[:-1])


def test_every_flipped_bit_is_survived_or_reported_by_loss_tolerant_reading(
    packets: list[Packet], stream: bytes
) -> None:
    start = stream.index(packets[0].pack())
    for place in range(8 * start, 8 * len(stream)):
        changed = bytearray(stream)
        changed[place // 8] ^= 0x80 >> place % 8
        found: list[Packet] = []
        try:
            for packet in StreamReader(io.BytesIO(bytes(changed)), tolerate_loss=True):
                found.append(packet)
        except BitstreamError:
            pass
        assert all(packet in packets for packet in found), "no damaged packet is handed out"
