"""Packets of a call: none too large, no stretch of time too full by when they leave, no frame held by a picture."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcdcodec.bitstream.packet import ContentPart, MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import CodingMode, ContentCoding, ContentRecord
from bcdcodec.bitstream.references import ContentAssembler
from bcdcodec.codec.encode.live_packetizer import LivePacketizer
from bcdcodec.codec.encode.units import MotionUnit, ReferenceUnit
from bcdcodec.entropy.motion import MotionCoder
from bcdcodec.entropy.tables import fit_rows
from bcdcodec.ratecontrol.live import LiveController
from bcdcodec.ratecontrol.tuning import RateTuning

RATE = Fraction(25, 2)
GROUPS, ENTRIES = 16, 8
TABLE = fit_rows(np.tile(np.array([100_000] + [100] * (ENTRIES - 1)), (GROUPS, 1)))
CODER = MotionCoder(CodingMode.CODED, TABLE, None)


def motion(start: int, frames: int, *, reference: int = 0, costly: bool = False) -> MotionUnit:
    rng = np.random.default_rng(start)
    codes = rng.integers(1, ENTRIES, (frames, GROUPS)) if costly else np.zeros((frames, GROUPS), np.int64)
    distances = rng.random((frames, GROUPS, ENTRIES)).astype(np.float32) + 0.1
    np.put_along_axis(distances, codes[..., None], 0.0, -1)
    return MotionUnit(start, codes, distances, reference)


def picture(number: int, size: int, start: int = 0) -> ReferenceUnit:
    data = np.random.default_rng(number).bytes(size)
    return ReferenceUnit(start, ContentRecord(x=0, y=0, size=9, coding=ContentCoding.PICTURE, data=data, number=number))


def packetizer(bitrate: float = 4000, bucket_s: float = 0.5, *, limit: int = 1200, most: int = 8) -> LivePacketizer:
    return LivePacketizer(
        CODER,
        LiveController(bitrate, bucket_s=bucket_s, tuning=RateTuning()),
        frame_rate=RATE,
        key_interval_s=10.0,
        max_packet_bytes=limit,
        most_references=most,
        origin=0,
    )


def run(packets: LivePacketizer, until: int, *, start: int = 0, costly: bool = False) -> list[tuple[int, Packet]]:
    """Frame after frame, each named by the last picture that is there; with the index at which each packet left."""
    sent: list[tuple[int, Packet]] = []
    for index in range(start, until):
        unit = motion(index, 1, reference=packets.delivered, costly=costly)
        sent += [(index, packet) for packet in packets.send_motion(unit, index)]
        sent += [(index, packet) for packet in packets.send_references(index, motion_in=1)]
    return sent


def assert_within(sent: list[tuple[int, Packet]], bitrate: float, bucket_s: float) -> None:
    """From the definition: the bits of every stretch of time, by when packets left."""
    times = [float(index / RATE) for index, _ in sent]
    for first, start in enumerate(times):
        bits = 0
        for time, (_, packet) in list(zip(times, sent, strict=True))[first:]:
            bits += 8 * packet.size
            assert bits <= bitrate * (time - start + bucket_s) + 1e-6


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1000, 16_000),
    st.sampled_from([0.5, 1.0]),
    st.lists(st.tuples(st.integers(0, 30), st.integers(30, 2500), st.booleans()), max_size=3),
    st.booleans(),
)
def test_nothing_overflows_the_bucket_as_it_leaves(
    bitrate: int, bucket_s: float, pictures: list[tuple[int, int, bool]], costly: bool
) -> None:
    packets, sent, number, index = packetizer(bitrate, bucket_s), [], 0, 0
    for wait, size, is_asked in pictures:
        sent += run(packets, index + wait, start=index, costly=costly)
        index, number = index + wait, number + 1
        packets.deliver(picture(number, size), is_asked=is_asked)
    sent += run(packets, index + 40, start=index, costly=costly)
    assert_within(sent, bitrate, bucket_s)
    assert [packet.sequence for _, packet in sent] == list(range(len(sent)))


def test_a_picture_goes_out_in_parts_and_no_frame_waits() -> None:
    packets = packetizer(8000, limit=600)
    unit = picture(1, 1500)
    packets.deliver(unit, is_asked=True)
    sent = run(packets, 60)
    records = [packet.record() for _, packet in sent]
    shown = [packet.timestamp for _, packet in sent if packet.kind == PacketKind.MOTION]
    assert shown == list(range(60)) and packets.skipped_frames == 0
    assert max(packet.size for _, packet in sent) <= 600
    assembler = ContentAssembler()
    whole: list[ContentRecord] = []
    for record in records:
        if isinstance(record, ContentPart):
            assembler.add(record)
        elif isinstance(record, ContentRecord):
            whole.append(assembler.assemble(record))
    assert whole == [unit.record]
    named = [record.reference for record in records if isinstance(record, MotionPayload)]
    there = next(index for index, packet in sent if packet.kind == PacketKind.CONTENT)
    assert named == [0] * (there + 1) + [1] * (59 - there) and there < 40
    keys = [packet.timestamp for _, packet in sent if packet.kind == PacketKind.MOTION and _is_key(packet)]
    assert keys == [0, there + 1]


def test_a_picture_that_is_asked_for_comes_where_motion_would_take_everything() -> None:
    packets = packetizer(2500)
    run(packets, 30, costly=True)
    packets.deliver(picture(1, 375), is_asked=True)
    run(packets, 130, start=30, costly=True)
    assert packets.delivered == 1


def test_another_picture_takes_the_place_of_one_on_its_way() -> None:
    packets = packetizer(4000)
    packets.deliver(picture(1, 2000), is_asked=False)
    first = run(packets, 10)
    assert [PacketKind(packet.kind) for _, packet in first].count(PacketKind.CONTENT_PART) > 0
    packets.deliver(picture(2, 400), is_asked=True)
    contents = [packet.record() for _, packet in run(packets, 60, start=10) if packet.kind == PacketKind.CONTENT]
    assert [record.number for record in contents if isinstance(record, ContentRecord)] == [2]


def test_the_oldest_is_dropped_where_there_are_too_many() -> None:
    packets = packetizer(16_000, most=3)
    drops = []
    for number in range(1, 5):
        packets.deliver(picture(number, 60), is_asked=True)
        for _, packet in run(packets, 10 * number, start=10 * (number - 1)):
            record = packet.record()
            drops += [record.drops] if isinstance(record, ContentRecord) else []
    assert drops == [0, 0, 1, 2]


def test_a_shot_begins_before_the_parts_of_its_picture() -> None:
    packets = packetizer(8000)
    run(packets, 5)
    packets.begin_shot(picture(0, 50).record)
    packets.deliver(picture(7, 700), is_asked=True)
    sent = [packet for index in range(5, 40) for packet in packets.send_references(index, motion_in=1)]
    assert sent[0].kind == PacketKind.CONTENT and sent[0].timestamp == 5
    assert {packet.kind for packet in sent[1:-1]} == {PacketKind.CONTENT_PART}
    assert packets.delivered == 7


@pytest.mark.parametrize("frames", [1, 4])
def test_a_packet_of_motion_keeps_to_the_size(frames: int) -> None:
    """Even where the rate has room for more."""
    packets = packetizer(64_000, limit=40)
    sent = [
        packet
        for start in range(0, 8, frames)
        for packet in packets.send_motion(motion(start, frames, costly=True), start + frames - 1)
    ]
    assert sent and all(packet.size <= 40 for packet in sent)


def _is_key(packet: Packet) -> bool:
    return MotionPayload.unpack(packet.payload).key
