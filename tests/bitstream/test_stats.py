"""Bit statistics: every bit of a file is counted exactly once."""

import io
from collections.abc import Callable

from bcdcodec.bitstream.header import SectionType, StreamHeader
from bcdcodec.bitstream.packet import Packet
from bcdcodec.bitstream.stream import StreamReader, StreamWriter, read_stats


def test_categories_add_up_to_the_file(stream: bytes) -> None:
    stats = read_stats(io.BytesIO(stream), keep_packets=True)
    assert stats.total_bits == 8 * len(stream)
    assert stats.motion_bits == 8 * (7 + 5 + 5)
    assert stats.audio_bits == 8 * 6
    assert stats.unknown_bits == 8 * 2
    assert stats.content_bits == 2 * 8 * 10
    assert (stats.motion_frames, stats.key_packets, stats.content_packets, stats.packet_count) == (4, 2, 1, 7)
    assert (stats.end_tick, stats.audio_frames) == (4, 2)


def test_sections_and_packets_are_listed(header: StreamHeader, packets: list[Packet], stream: bytes) -> None:
    stats = read_stats(io.BytesIO(stream), keep_packets=True)
    assert [section.type for section in stats.sections] == [1, 2, 3, 4, 5, 6, 7, 200, 0]
    by_type = {section.type: section.bits for section in stats.sections}
    assert by_type[SectionType.MODEL] == 128
    assert [packet.kind for packet in stats.packets[:-1]] == [packet.kind for packet in packets]
    assert [packet.key for packet in stats.packets] == [True, False, False, False, True, False, False]
    ends = [packet.offset + (packet.payload_bits + packet.framing_bits) // 8 for packet in stats.packets]
    assert ends[:-1] == [packet.offset for packet in stats.packets[1:]]
    assert ends[-1] == len(stream)


def test_packets_are_not_kept_unless_asked(stream: bytes) -> None:
    assert read_stats(io.BytesIO(stream)).packets == ()


def test_writer_and_reader_count_alike(header: StreamHeader, packets: list[Packet], stream: bytes) -> None:
    writer = StreamWriter(io.BytesIO())
    writer.write_header(header)
    for packet in packets:
        writer.write(packet)
    writer.finish()
    assert writer.stats == read_stats(io.BytesIO(stream))


def test_counts_grow_as_packets_come(stream: bytes, write: Callable[..., bytes]) -> None:
    reader = StreamReader(io.BytesIO(stream))
    before = reader.stats
    next(reader)
    assert before.motion_bits == 0
    assert reader.stats.motion_bits == 56
    assert read_stats(io.BytesIO(write([]))).motion_frames == 0
