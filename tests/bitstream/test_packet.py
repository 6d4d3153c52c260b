"""Packets and payloads (spec sections 4 and 5): frozen bytes, cuts, flips and limits."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcdcodec.bitstream.bits import MAX_UVARINT, pack_crc
from bcdcodec.bitstream.packet import (
    MAX_PAYLOAD_BYTES,
    MAX_SEEK_POINTS,
    AudioPayload,
    EndPayload,
    MotionPayload,
    Packet,
    PacketKind,
    SeekPoint,
)
from bcdcodec.bitstream.records import ContentCoding, ContentRecord
from bcdcodec.errors import BitstreamError, TruncatedError

PACKET = Packet(PacketKind.MOTION, 3, 200, b"\x01\x00\xff")
GOLDEN = [
    (PACKET, "0203c801030100ffe8415db4"),
    (MotionPayload(2, True, b"\xaa"), "0201aa"),
    (AudioPayload((b"\x01", b"\x02\x03")), "020101020203"),
    (
        EndPayload(300, (SeekPoint(0, 100, None), SeekPoint(200, 5000, 4000)), 6000),
        "ac0202006400c801a426e8070000000000001770",
    ),
]


@pytest.mark.parametrize(("record", "expected"), GOLDEN)
def test_bytes(record: Any, expected: str) -> None:
    assert record.pack().hex() == expected
    assert type(record).unpack(bytes.fromhex(expected)) == record


@pytest.mark.parametrize(("record", "expected"), [GOLDEN[0], GOLDEN[2], GOLDEN[3]])
def test_every_truncation_is_reported(record: Any, expected: str) -> None:
    packed = bytes.fromhex(expected)
    for cut in range(len(packed)):
        with pytest.raises(TruncatedError):
            type(record).unpack(packed[:cut])


def test_every_bit_flip_is_reported() -> None:
    packed = PACKET.pack()
    for bit in range(8 * len(packed)):
        flipped = bytearray(packed)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BitstreamError):
            Packet.unpack(bytes(flipped))


@given(st.integers(0, 255), st.integers(0, MAX_UVARINT), st.integers(0, MAX_UVARINT), st.binary(max_size=300))
def test_packet_round_trip(kind: int, sequence: int, timestamp: int, payload: bytes) -> None:
    packet = Packet(kind, sequence, timestamp, payload)
    packed = packet.pack()
    assert Packet.unpack(packed) == packet
    assert packet.size == len(packed)


def test_payload_size_is_bounded_before_it_is_read() -> None:
    largest = Packet(9, 0, 0, b"x" * MAX_PAYLOAD_BYTES)
    assert Packet.unpack(largest.pack()) == largest
    with pytest.raises(BitstreamError, match="limit 1048576"):
        Packet(9, 0, 0, b"x" * (MAX_PAYLOAD_BYTES + 1)).pack()
    with pytest.raises(BitstreamError, match="limit 1048576"):
        Packet.unpack(bytes.fromhex("020000818040"))


def test_bytes_after_the_end_are_refused() -> None:
    with pytest.raises(BitstreamError, match="after its end"):
        Packet.unpack(PACKET.pack() + b"\0")
    with pytest.raises(BitstreamError, match="after its end"):
        AudioPayload.unpack(bytes.fromhex("02010102020300"))
    with pytest.raises(BitstreamError, match="after its end"):
        EndPayload.unpack(bytes.fromhex(GOLDEN[3][1]) + b"\0")


def test_records_by_kind() -> None:
    content = ContentRecord(x=0, y=0, size=1, coding=ContentCoding.LEVELS, data=b"")
    records: list[tuple[PacketKind, Any]] = [
        (PacketKind.CONTENT, content),
        (PacketKind.MOTION, GOLDEN[1][0]),
        (PacketKind.AUDIO, GOLDEN[2][0]),
        (PacketKind.END, GOLDEN[3][0]),
    ]
    for kind, record in records:
        assert Packet(kind, 0, 0, record.pack()).record() == record
    assert Packet(200, 0, 0, b"anything").record() is None
    assert Packet.unpack(Packet(200, 0, 0, b"").pack()).kind == 200


@pytest.mark.parametrize("kind", list(PacketKind))
def test_malformed_payload_with_a_right_crc_is_not_truncation(kind: PacketKind) -> None:
    with pytest.raises(BitstreamError) as caught:
        Packet(kind, 0, 0, b"").record()
    assert not isinstance(caught.value, TruncatedError)


@pytest.mark.parametrize("text", ["0000", "800201", "0102", "01ff"])
def test_impossible_motion_is_refused(text: str) -> None:
    with pytest.raises(BitstreamError):
        MotionPayload.unpack(bytes.fromhex(text))


@given(st.integers(1, 255), st.booleans(), st.binary(max_size=100))
def test_motion_round_trip(frames: int, key: bool, codes: bytes) -> None:
    payload = MotionPayload(frames, key, codes)
    assert MotionPayload.unpack(payload.pack()) == payload


@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=255))
def test_audio_round_trip(frames: list[bytes]) -> None:
    payload = AudioPayload(tuple(frames))
    assert AudioPayload.unpack(payload.pack()) == payload


@pytest.mark.parametrize("text", ["00", "0100", "01a11f", "8002"])
def test_impossible_audio_is_refused(text: str) -> None:
    with pytest.raises(BitstreamError):
        AudioPayload.unpack(bytes.fromhex(text) + b"x" * 5000)


@given(st.lists(st.tuples(st.integers(0, 999), st.integers(1, 99_999), st.integers(0, 99)), max_size=30))
def test_end_round_trip(steps: list[tuple[int, int, int]]) -> None:
    points: list[SeekPoint] = []
    tick, offset = 0, 100
    for tick_step, offset_step, back in steps:
        tick, offset = tick + tick_step, offset + offset_step
        points.append(SeekPoint(tick, offset, offset - back if back else None))
    payload = EndPayload(tick, tuple(points), offset + 1)
    assert EndPayload.unpack(payload.pack()) == payload


def test_largest_index_fits_a_packet() -> None:
    step = MAX_UVARINT // MAX_SEEK_POINTS
    points = tuple(SeekPoint(step * i, (i + 1) << 31, i << 31 if i else None) for i in range(MAX_SEEK_POINTS))
    payload = EndPayload(MAX_UVARINT, points, (MAX_SEEK_POINTS + 2) << 31)
    packed = payload.pack()
    assert len(packed) < MAX_PAYLOAD_BYTES
    assert EndPayload.unpack(packed) == payload
    with pytest.raises(BitstreamError, match="seek points"):
        EndPayload(0, (*points, points[-1]), 1 << 60).pack()


@pytest.mark.parametrize(
    "text",
    [
        "0001" + "000000" + "00000000000000ff",  # offset does not grow
        "0001" + "000506" + "00000000000000ff",  # content before the file
        "0001" + "000500" + "0000000000000005",  # point at the END packet
        "0002" + "ffffffff0f0500" + "010500" + "00000000000000ff",  # tick above 32 bits
        "00818004",  # more points than allowed
    ],
)
def test_impossible_index_is_refused(text: str) -> None:
    with pytest.raises(BitstreamError):
        EndPayload.unpack(bytes.fromhex(text))


def test_overlong_numbers_in_a_packet_are_refused() -> None:
    with pytest.raises(BitstreamError, match="fewer are enough"):
        Packet.unpack(pack_crc(bytes.fromhex("02830000030100ff")))
