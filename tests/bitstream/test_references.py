"""References of a shot, and content in parts: from the start of a stream, from seek points and after loss."""

import io
from collections.abc import Callable
from dataclasses import replace

import pytest

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import MAX_PAYLOAD_BYTES, ContentPart, MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import MAX_REFERENCES, ContentCoding, ContentRecord
from bcdcodec.bitstream.references import ContentAssembler, ReferenceSender, ReferenceTable, read_motion
from bcdcodec.bitstream.seek import packets_from, read_index
from bcdcodec.bitstream.stream import StreamReader, read_stats
from bcdcodec.errors import BitstreamError

CODES = b"\x08\x86\x4f\x82\x08"
PIECES = (b"abc", b"de", b"f")
RECORD = ContentRecord(x=0, y=0, size=9, coding=ContentCoding.PICTURE, data=b"end", parts=3)


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


def addition(header: StreamHeader, number: int, drops: int = 0, parts: int = 0) -> ContentRecord:
    return replace(header.content, number=number, drops=drops, parts=parts)


def test_a_shot_keeps_eight_references_and_a_new_one_none(header: StreamHeader) -> None:
    table = ReferenceTable("first")
    for number in range(1, 8):
        table.add(addition(header, number), f"number {number}")
    table.add(addition(header, 9, drops=4), "nine")
    assert table.numbers == {0, 1, 2, 3, 5, 6, 7, 9} and table.get(9) == "nine" and table.get(4) is None
    table.add(addition(header, 11, drops=10), "the one that added 10 was lost")
    assert table.numbers == {0, 2, 3, 5, 6, 7, 9, 11}
    table.add(header.content, "next shot")
    assert table.numbers == {0} and table.get(0) == "next shot"


def test_a_writer_that_leaves_references_out_never_has_more_than_its_source(header: StreamHeader) -> None:
    sender = ReferenceSender()
    for number in range(1, 40):
        record = addition(header, number, drops=number - 7 if number > 7 else 0)
        sender.keep(record)
        if number % 3:
            written = sender.write(record)
            assert not written.drops or written.drops % 3
        assert len(sender.written) <= len(sender.kept) <= MAX_REFERENCES
    sender.keep(header.content)
    assert sender.write(header.content) == header.content and sender.written == {0}


@pytest.fixture
def gallery(header: StreamHeader) -> list[Packet]:
    """Two shots; the first one's second reference comes in parts, and its first one comes back."""
    records = [
        (PacketKind.MOTION, 0, MotionPayload(2, True, CODES)),
        (PacketKind.CONTENT_PART, 1, ContentPart(0, b"ab")),
        (PacketKind.CONTENT, 2, addition(header, 1, parts=1)),
        (PacketKind.MOTION, 2, MotionPayload(2, True, CODES, 1)),
        (PacketKind.MOTION, 4, MotionPayload(2, True, CODES)),
        (PacketKind.CONTENT, 6, replace(header.content, data=b"next", x=9)),
        (PacketKind.MOTION, 6, MotionPayload(2, True, CODES)),
    ]
    return [Packet(kind, index, tick, record.pack()) for index, (kind, tick, record) in enumerate(records)]


def test_frames_come_with_their_reference(header: StreamHeader, gallery: list[Packet]) -> None:
    found = [(tick, content.data) for tick, _, content in read_motion(gallery, header.content)]
    second = b"ab" + header.content.data
    assert found == [(0, header.content.data), (2, second), (4, header.content.data), (6, b"next")]
    with pytest.raises(BitstreamError, match="reference 1, which never came"):
        list(read_motion([gallery[0], *gallery[3:]], header.content))


def test_a_seek_point_brings_all_references_of_its_shot(
    header: StreamHeader, gallery: list[Packet], write: Callable[..., bytes]
) -> None:
    data = write(gallery)
    points = read_index(io.BytesIO(data)).seek_points
    assert [point.tick for point in points] == [0, 2, 4, 6]
    assert points[0].content_offset is None and points[1].content_offset == points[2].content_offset
    for point, kinds in zip(points, ([2, 5, 1, 2, 2, 1, 2], [5, 1, 2, 2, 1, 2], [5, 1, 2, 1, 2], [1, 2]), strict=True):
        packets = list(packets_from(io.BytesIO(data), header, point))
        assert [packet.kind for packet in packets] == kinds
        motion = list(read_motion(packets, header.content))
        assert [tick for tick, _, _ in motion] == [*range(point.tick, 8, 2)] and motion[-1][2].data == b"next"


@pytest.mark.parametrize("lost", [1, 2])
def test_a_lost_addition_or_part_does_not_end_a_tolerant_reading(
    gallery: list[Packet], write: Callable[..., bytes], lost: int
) -> None:
    data, left = write(gallery), gallery[lost].pack()
    assert data.count(left) == 1
    reader = StreamReader(io.BytesIO(data.replace(left, b"")), tolerate_loss=True)
    assert [packet.sequence for packet in reader] == [index for index in range(7) if index != lost] and reader.lost == 1


def lossy(steps: list[tuple[int, int] | int]) -> bool:
    """Whether a content of three parts is whole after (index, lost so far) for parts, and losses that were motion."""
    assembler, lost = ContentAssembler(tolerate_loss=True), 0
    for step in steps:
        if isinstance(step, int):
            assembler.settle(lost, motion_packets=step)
        else:
            index, lost = step
            assembler.add(ContentPart(index, b"data"), lost=lost)
    return assembler.has_parts(RECORD, lost=lost)


def test_parts_of_a_content_that_was_given_up_are_not_taken() -> None:
    """As many packets are lost as there would be parts of another content before the next."""
    whole = [(0, 0), (1, 0), (2, 0)]
    assert lossy([*whole]) and lossy([(0, 5), (1, 5), (2, 5)])
    assert not lossy([(0, 0), (2, 1)]), "a part is missing"
    assert not lossy([(0, 0), (1, 1), (2, 1)]), "another part 0 may be the lost one"
    assert lossy([(0, 0), (1, 0), (2, 1)]), "two would have to be lost"
    assert not lossy([(0, 0), (1, 0), (2, 2)])
    assert lossy([(0, 0), (1, 1), 1, (2, 1)]), "what was lost was motion"
    assert not lossy([(0, 0), (1, 1), 0, (2, 1)]), "it was not"
    assert lossy([(0, 0), (1, 1), 0, *[(index, 1) for index, _ in whole]]), "a new one begins at part 0"
