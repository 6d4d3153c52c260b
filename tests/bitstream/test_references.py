"""Content in parts: reassembly from the start of a stream and from seek points."""

import io
from collections.abc import Callable
from dataclasses import replace

import pytest

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import MAX_PAYLOAD_BYTES, ContentPart, MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.bitstream.references import ContentAssembler
from bcdcodec.bitstream.seek import packets_from, read_index
from bcdcodec.bitstream.stream import StreamReader, read_stats
from bcdcodec.errors import BitstreamError

CODES = b"\x08\x86\x4f\x82\x08"
PIECES = (b"abc", b"de", b"f")


@pytest.fixture
def split(header: StreamHeader) -> list[Packet]:
    """Two shots of four frames; the second one's content comes in two parts and an end."""
    end = replace(header.content, data=PIECES[2], parts=2)
    return [
        Packet(PacketKind.MOTION, 0, 0, MotionPayload(2, True, CODES).pack()),
        Packet(PacketKind.CONTENT_PART, 1, 1, ContentPart(0, PIECES[0]).pack()),
        Packet(PacketKind.MOTION, 2, 2, MotionPayload(2, True, CODES).pack()),
        Packet(PacketKind.CONTENT_PART, 3, 3, ContentPart(1, PIECES[1]).pack()),
        Packet(PacketKind.CONTENT, 4, 4, end.pack()),
        Packet(PacketKind.MOTION, 5, 4, MotionPayload(2, True, CODES).pack()),
    ]


def assemble(packets: list[Packet]) -> list[ContentRecord]:
    assembler, found = ContentAssembler(), []
    for packet in packets:
        record = packet.record()
        if isinstance(record, ContentPart):
            assembler.add(record)
        elif isinstance(record, ContentRecord):
            found.append(assembler.assemble(record))
    return found


def test_parts_become_the_record(header: StreamHeader, split: list[Packet]) -> None:
    assert assemble(split) == [replace(header.content, data=b"abcdef")]


def test_a_missing_part_is_an_error(split: list[Packet]) -> None:
    for lost in (1, 3):
        with pytest.raises(BitstreamError, match="part"):
            assemble(split[:lost] + split[lost + 1 :])


def test_parts_are_bounded() -> None:
    assembler = ContentAssembler()
    assembler.add(ContentPart(0, bytes(MAX_PAYLOAD_BYTES - 1)))
    with pytest.raises(BitstreamError, match=f"limit {MAX_PAYLOAD_BYTES}"):
        assembler.add(ContentPart(1, b"ab"))


def test_entering_anywhere_brings_the_parts_along(
    header: StreamHeader, split: list[Packet], write: Callable[..., bytes]
) -> None:
    data = write(split)
    points = read_index(io.BytesIO(data)).seek_points
    assert [point.tick for point in points] == [0, 2, 4]
    for point, left in zip(points, (6, 5, 4), strict=True):
        packets = list(packets_from(io.BytesIO(data), header, point))
        assert assemble(packets) == [replace(header.content, data=b"abcdef")]
        assert len(packets) == left


def test_parts_are_content_in_the_accounts(split: list[Packet], write: Callable[..., bytes]) -> None:
    data = write(split)
    stats = read_stats(io.BytesIO(data))
    assert stats.total_bits == 8 * len(data)
    payloads = sum(len(packet.payload) for packet in split if packet.kind != PacketKind.MOTION)
    assert stats.content_bits == 8 * (len(StreamReader(io.BytesIO(data)).header.content.pack()) + payloads)
    assert stats.content_packets == 1


def test_a_header_has_no_parts(header: StreamHeader) -> None:
    with pytest.raises(BitstreamError, match="no parts"):
        replace(header, content=replace(header.content, parts=1))
