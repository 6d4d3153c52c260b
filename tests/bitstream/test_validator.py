"""Order of packets (spec section 4.2)."""

import dataclasses

import pytest

from bcdcodec.bitstream.bits import MAX_UVARINT
from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import (
    MAX_PAYLOAD_BYTES,
    AudioPayload,
    ContentPart,
    EndPayload,
    MotionPayload,
    Packet,
    PacketKind,
)
from bcdcodec.bitstream.validator import StreamValidator
from bcdcodec.errors import BitstreamError

MOTION = MotionPayload(2, True, b"").pack()
AUDIO = AudioPayload((b"a", b"b")).pack()


def accept(order: StreamValidator, *packets: Packet, offset: int = 0) -> None:
    for packet in packets:
        order.accept(packet, packet.record(), offset=offset)


def test_gaps_are_allowed_and_overlaps_are_not(header: StreamHeader) -> None:
    order = StreamValidator(header)
    accept(order, Packet(PacketKind.MOTION, 0, 5, MOTION), Packet(PacketKind.MOTION, 1, 9, MOTION))
    with pytest.raises(BitstreamError, match="timestamp 10, needs at least 11"):
        accept(order, Packet(PacketKind.MOTION, 2, 10, MOTION))
    accept(order, Packet(PacketKind.MOTION, 2, 11, MOTION))
    assert (order.motion_frames, order.motion_tick) == (6, 13)


def test_sound_and_content_have_clocks_of_their_own(header: StreamHeader) -> None:
    order = StreamValidator(header)
    content = header.content.pack()
    accept(order, Packet(PacketKind.AUDIO, 0, 100, AUDIO), Packet(PacketKind.MOTION, 1, 0, MOTION))
    accept(order, Packet(PacketKind.CONTENT, 2, 50, content), Packet(PacketKind.CONTENT, 3, 50, content))
    with pytest.raises(BitstreamError, match="needs at least 102"):
        accept(order, Packet(PacketKind.AUDIO, 4, 101, AUDIO))
    with pytest.raises(BitstreamError, match="needs at least 50"):
        accept(order, Packet(PacketKind.CONTENT, 4, 49, content))


@pytest.mark.parametrize("sequence", [0, 2, MAX_UVARINT])
def test_lost_repeated_and_swapped_packets_are_noticed(header: StreamHeader, sequence: int) -> None:
    order = StreamValidator(header)
    accept(order, Packet(99, 0, 0, b""))
    with pytest.raises(BitstreamError, match="expected 1"):
        accept(order, Packet(99, sequence, 0, b""))


def test_first_motion_packet_is_a_key(header: StreamHeader) -> None:
    with pytest.raises(BitstreamError, match="key flag"):
        accept(StreamValidator(header), Packet(PacketKind.MOTION, 0, 0, MotionPayload(1, False, b"").pack()))


def test_ticks_stay_in_range(header: StreamHeader) -> None:
    with pytest.raises(BitstreamError, match="limit 4294967295"):
        accept(StreamValidator(header), Packet(PacketKind.MOTION, 0, MAX_UVARINT - 1, MOTION))


def test_sound_needs_its_section(header: StreamHeader) -> None:
    silent = StreamValidator(dataclasses.replace(header, audio=None))
    with pytest.raises(BitstreamError, match="no AUDIO section"):
        accept(silent, Packet(PacketKind.AUDIO, 0, 0, AUDIO))


def test_crop_is_needed_in_a_cropped_stream(header: StreamHeader) -> None:
    content = dataclasses.replace(header.content, size=0).pack()
    with pytest.raises(BitstreamError, match="crop size"):
        accept(StreamValidator(header), Packet(PacketKind.CONTENT, 0, 0, content))


@pytest.mark.parametrize(
    ("frames", "tick", "place", "message"),
    [(3, 2, 70, "END packet counts 3"), (2, 1, 70, "has timestamp 1, needs at least 2"), (2, 2, 71, "END packet says")],
)
def test_end_packet_must_agree(header: StreamHeader, frames: int, tick: int, place: int, message: str) -> None:
    order = StreamValidator(header)
    accept(order, Packet(PacketKind.MOTION, 0, 0, MOTION))
    with pytest.raises(BitstreamError, match=message):
        accept(order, Packet(PacketKind.END, 1, tick, EndPayload(frames, (), place).pack()), offset=70)
    accept(order, Packet(PacketKind.END, 1, 2, EndPayload(2, (), 70).pack()), offset=70)
    with pytest.raises(BitstreamError, match="follows the END"):
        accept(order, Packet(99, 2, 0, b""))


def test_the_last_picture_may_stay(header: StreamHeader) -> None:
    order = StreamValidator(header)
    accept(order, Packet(PacketKind.MOTION, 0, 0, MOTION))
    assert order.motion_tick == 2
    accept(order, Packet(PacketKind.END, 1, 50, EndPayload(2, (), 70).pack()), offset=70)
    assert order.motion_tick == 50
    empty = StreamValidator(header)
    with pytest.raises(BitstreamError, match="without a frame"):
        accept(empty, Packet(PacketKind.END, 0, 50, EndPayload(0, (), 70).pack()), offset=70)


def test_joined_stream_starts_anywhere(header: StreamHeader) -> None:
    order = StreamValidator(header, joined=True)
    accept(order, Packet(PacketKind.MOTION, 41, 100, MOTION))
    accept(order, Packet(PacketKind.END, 42, 102, EndPayload(900, (), 5).pack()), offset=5)


def test_parts_count_from_zero_and_content_has_as_many(header: StreamHeader) -> None:
    order = StreamValidator(header)
    whole = header.content
    split = dataclasses.replace(whole, parts=2)
    accept(order, part(0, 0), part(1, 1))
    with pytest.raises(BitstreamError, match="content part 3, expected 2"):
        accept(order, part(2, 3))
    with pytest.raises(BitstreamError, match="in 3 parts and an end, sent are 2"):
        accept(order, Packet(PacketKind.CONTENT, 2, 9, dataclasses.replace(whole, parts=3).pack()))
    accept(order, Packet(PacketKind.CONTENT, 2, 9, split.pack()))
    with pytest.raises(BitstreamError, match="sent are 0"):
        accept(order, Packet(PacketKind.CONTENT, 3, 9, split.pack()))


def test_a_new_first_part_and_whole_content_throw_parts_away(header: StreamHeader) -> None:
    order = StreamValidator(header)
    accept(order, part(0, 0), part(1, 1), part(2, 0))
    accept(order, Packet(PacketKind.CONTENT, 3, 5, header.content.pack()))
    with pytest.raises(BitstreamError, match="content part 1, expected 0"):
        accept(order, part(4, 1))


def test_content_in_parts_is_bounded(header: StreamHeader) -> None:
    whole = Packet(PacketKind.CONTENT_PART, 0, 0, ContentPart(0, bytes(MAX_PAYLOAD_BYTES - 1)).pack())
    end = dataclasses.replace(header.content, data=b"ab", parts=1).pack()
    for packet in (
        Packet(PacketKind.CONTENT_PART, 1, 0, ContentPart(1, b"ab").pack()),
        Packet(PacketKind.CONTENT, 1, 0, end),
    ):
        order = StreamValidator(header)
        accept(order, whole)
        with pytest.raises(BitstreamError, match=f"{MAX_PAYLOAD_BYTES + 1} bytes, limit"):
            accept(order, packet)
    order = StreamValidator(header)
    accept(order, whole, dataclasses.replace(whole, sequence=1))
    accept(order, Packet(PacketKind.CONTENT, 2, 0, dataclasses.replace(header.content, data=b"a", parts=1).pack()))


def part(sequence: int, index: int) -> Packet:
    return Packet(PacketKind.CONTENT_PART, sequence, 5, ContentPart(index, b"abc").pack())


def motion(reference: int = 0, *, key: bool = True) -> bytes:
    return MotionPayload(2, key, b"", reference).pack()


def add(header: StreamHeader, number: int, drops: int = 0, **changes: int) -> bytes:
    return dataclasses.replace(header.content, number=number, drops=drops, **changes).pack()


def test_additions_ascend_in_the_square_of_their_shot(header: StreamHeader) -> None:
    for payload, message in (
        (add(header, 1), "the shot has 2 already"),
        (add(header, 3, x=header.content.x + 1), "adds a reference of the square"),
        (add(header, 3, drops=1), "drops reference 1, which the shot does not have"),
    ):
        order = StreamValidator(header)
        accept(order, Packet(PacketKind.CONTENT, 0, 0, add(header, 2)))
        with pytest.raises(BitstreamError, match=message):
            accept(order, Packet(PacketKind.CONTENT, 1, 0, payload))


def test_a_full_shot_must_drop_a_reference(header: StreamHeader) -> None:
    order = StreamValidator(header)
    accept(order, *(Packet(PacketKind.CONTENT, number - 1, 0, add(header, number)) for number in range(1, 8)))
    with pytest.raises(BitstreamError, match="adds a reference to 8, needs to drop one"):
        accept(order, Packet(PacketKind.CONTENT, 7, 0, add(header, 8)))
    accept(order, Packet(PacketKind.CONTENT, 7, 0, add(header, 8, drops=5)))
    with pytest.raises(BitstreamError, match="names reference 5, which the shot does not have"):
        accept(order, Packet(PacketKind.MOTION, 8, 0, motion(5)))


def test_motion_with_another_reference_is_a_key(header: StreamHeader) -> None:
    order = StreamValidator(header)
    accept(order, Packet(PacketKind.MOTION, 0, 0, motion()), Packet(PacketKind.CONTENT, 1, 2, add(header, 1)))
    accept(order, Packet(PacketKind.MOTION, 2, 2, motion(key=False)))
    with pytest.raises(BitstreamError, match="another reference"):
        accept(order, Packet(PacketKind.MOTION, 3, 4, motion(1, key=False)))
    accept(order, Packet(PacketKind.MOTION, 3, 4, motion(1)), Packet(PacketKind.MOTION, 4, 6, motion(1, key=False)))
    accept(order, Packet(PacketKind.CONTENT, 5, 8, header.content.pack()))
    with pytest.raises(BitstreamError, match="names reference 1"):
        accept(order, Packet(PacketKind.MOTION, 6, 8, motion(1)))


def test_after_a_loss_references_need_not_be_known(header: StreamHeader) -> None:
    order = StreamValidator(header, tolerate_loss=True)
    accept(order, Packet(PacketKind.MOTION, 0, 0, motion()), Packet(PacketKind.MOTION, 2, 2, motion(1)))
    accept(order, Packet(PacketKind.CONTENT, 3, 4, add(header, 2, drops=1, parts=3)))
    accept(order, Packet(PacketKind.MOTION, 4, 4, motion(2)))
    assert order.lost == 1
