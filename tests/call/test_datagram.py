"""Framing of datagrams: exact bytes, and nothing but BitstreamError for others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcdcodec.call.datagram import (
    CLOCK_MS,
    HEAD_BYTES,
    MAX_DATAGRAM_BYTES,
    Checksum,
    Datagram,
    DatagramKind,
    DatagramReader,
    DatagramWriter,
)
from bcdcodec.errors import BitstreamError, ConfigError

ALL = tuple(DatagramKind)


def packed(body: bytes = b"body", *, session: int = 7) -> bytes:
    return DatagramWriter(session, Checksum()).pack(DatagramKind.MEDIA, body, sent_ms=1234)


def test_the_bytes_are_those_of_the_table() -> None:
    data = packed()
    assert data[:-2].hex() == "c1" + "00000007" + "000000" + "04d2" + b"body".hex()
    assert len(data) == HEAD_BYTES + 4 + 2


@given(
    kind=st.sampled_from(ALL),
    session=st.integers(0, 0xFFFF_FFFF),
    body=st.binary(max_size=1188),
    sent_ms=st.integers(0, 0xFFFF_FFFF),
)
def test_what_is_packed_is_unpacked(kind: DatagramKind, session: int, body: bytes, sent_ms: int) -> None:
    writer, reader = DatagramWriter(session, Checksum()), DatagramReader(Checksum())
    for sequence in range(2):
        data = writer.pack(kind, body, sent_ms=sent_ms)
        assert len(data) <= MAX_DATAGRAM_BYTES
        assert reader.unpack(data, ALL) == Datagram(kind, session, sequence, sent_ms % CLOCK_MS, body)
    assert reader.session == session


@given(st.binary(max_size=1300))
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BitstreamError):
        DatagramReader(Checksum()).unpack(data, ALL)


@given(place=st.integers(0, len(packed()) - 1), mask=st.integers(1, 255))
def test_a_damaged_byte_is_found(place: int, mask: int) -> None:
    data = bytearray(packed())
    data[place] ^= mask
    with pytest.raises(BitstreamError):
        DatagramReader(Checksum()).unpack(bytes(data), ALL)


def test_another_session_is_refused_and_changes_nothing() -> None:
    reader = DatagramReader(Checksum(), 7)
    with pytest.raises(BitstreamError, match="session 00000008, allowed is 00000007"):
        reader.unpack(packed(session=8), ALL)
    assert reader.unpack(packed(), ALL).session == 7


def test_another_kind_is_refused() -> None:
    with pytest.raises(BitstreamError, match="kind of datagram is 1, allowed are 2"):
        DatagramReader(Checksum()).unpack(packed(), (DatagramKind.REPORT,))


def test_a_body_that_is_too_large_is_refused() -> None:
    writer = DatagramWriter(7, Checksum())
    with pytest.raises(ConfigError, match="1189 bytes, allowed are 1188"):
        writer.pack(DatagramKind.MEDIA, bytes(writer.room_bytes + 1), sent_ms=0)


def test_the_sequence_ends() -> None:
    writer = DatagramWriter(7, Checksum())
    writer.next_sequence = 1 << 24
    with pytest.raises(ConfigError, match="at most 16777216 datagrams"):
        writer.pack(DatagramKind.MEDIA, b"", sent_ms=0)
    with pytest.raises(ConfigError, match="session is -1"):
        DatagramWriter(-1, Checksum())
