"""Random access to files (spec section 5.4)."""

import io

import pytest

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import Packet, PacketKind, SeekPoint
from bcdcodec.bitstream.seek import find_seek_point, packets_from, read_index
from bcdcodec.errors import BitstreamError, TruncatedError


def test_index_is_found_from_the_end(stream: bytes) -> None:
    index = read_index(io.BytesIO(stream))
    assert [point.tick for point in index.seek_points] == [0, 2]
    assert index.motion_frames == 4


@pytest.mark.parametrize(("tick", "expected"), [(0, 0), (1, 0), (2, 2), (3, 2), (999, 2)])
def test_point_before_a_tick(stream: bytes, tick: int, expected: int) -> None:
    point = find_seek_point(read_index(io.BytesIO(stream)), tick)
    assert point is not None and point.tick == expected


def test_no_point_before_the_first_key(stream: bytes) -> None:
    index = read_index(io.BytesIO(stream))
    assert find_seek_point(type(index)(4, index.seek_points[1:], index.end_offset), 1) is None


def test_packets_from_a_point_start_with_its_content(
    header: StreamHeader, packets: list[Packet], stream: bytes
) -> None:
    file = io.BytesIO(stream)
    first, second = read_index(file).seek_points
    assert list(packets_from(file, header, second)) == [packets[2], packets[4], packets[5]]
    assert list(packets_from(file, header, first)) == [packet for packet in packets if packet.kind != 77]


def test_cut_files_have_no_index(stream: bytes) -> None:
    for cut in range(len(stream)):
        with pytest.raises(TruncatedError):
            read_index(io.BytesIO(stream[:cut]))


def test_damaged_index_is_refused(stream: bytes) -> None:
    start = read_index(io.BytesIO(stream)).end_offset
    for bit in range(8 * start, 8 * len(stream)):
        flipped = bytearray(stream)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(TruncatedError):
            read_index(io.BytesIO(bytes(flipped)))


def test_points_that_lie_are_refused(header: StreamHeader, stream: bytes) -> None:
    file = io.BytesIO(stream)
    first, second = read_index(file).seek_points
    assert second.content_offset is not None
    lies = [
        SeekPoint(7, second.offset, None),
        SeekPoint(2, second.content_offset, None),
        SeekPoint(2, second.offset, first.offset),
        SeekPoint(2, second.offset + 1, None),
        SeekPoint(2, len(stream) + 5, None),
    ]
    for lie in lies:
        with pytest.raises(BitstreamError) as caught:
            list(packets_from(file, header, lie))
        assert not isinstance(caught.value, TruncatedError)


def test_cut_after_the_point_is_reported(header: StreamHeader, packets: list[Packet], stream: bytes) -> None:
    second = read_index(io.BytesIO(stream)).seek_points[1]
    whole = packets_from(io.BytesIO(stream[: len(stream) - 3]), header, second)
    assert [next(whole).kind for _ in range(3)] == [PacketKind.CONTENT, PacketKind.MOTION, PacketKind.MOTION]
    with pytest.raises(TruncatedError):
        next(whole)
