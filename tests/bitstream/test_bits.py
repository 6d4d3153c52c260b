"""Numbers and exact reads (spec section 1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcdcodec.bitstream.bits import MAX_UVARINT, ByteReader, checked_bytes, crc32, pack_crc, pack_uint, pack_uvarint
from bcdcodec.errors import BitstreamError, ConfigError, TruncatedError

GOLDEN = [(0, "00"), (1, "01"), (127, "7f"), (128, "8001"), (300, "ac02"), (MAX_UVARINT, "ffffffff0f")]


@pytest.mark.parametrize(("value", "expected"), GOLDEN)
def test_uvarint_bytes(value: int, expected: str) -> None:
    assert pack_uvarint(value).hex() == expected
    assert ByteReader.over(bytes.fromhex(expected)).uvarint(name="number") == value


@given(st.integers(0, MAX_UVARINT))
def test_uvarint_round_trip(value: int) -> None:
    reader = ByteReader.over(pack_uvarint(value))
    assert reader.uvarint(name="number") == value
    reader.finish(name="number")


@pytest.mark.parametrize("text", ["8000", "808000", "ff00", "ffffffff1f", "8080808080", "ffffffffff01", "8080808010"])
def test_overlong_and_too_large_uvarints_are_refused(text: str) -> None:
    with pytest.raises(BitstreamError) as caught:
        ByteReader.over(bytes.fromhex(text)).uvarint(name="number")
    assert not isinstance(caught.value, TruncatedError)


@pytest.mark.parametrize("text", ["", "80", "ffffff"])
def test_cut_uvarint_is_truncated(text: str) -> None:
    with pytest.raises(TruncatedError):
        ByteReader.over(bytes.fromhex(text)).uvarint(name="number")


def test_uvarint_limit() -> None:
    assert ByteReader.over(b"\x05").uvarint(name="number", limit=5) == 5
    with pytest.raises(BitstreamError, match="number is 5, limit 4"):
        ByteReader.over(b"\x05").uvarint(name="number", limit=4)


@pytest.mark.parametrize("value", [-1, MAX_UVARINT + 1])
def test_unwritable_numbers_are_refused(value: int) -> None:
    with pytest.raises(BitstreamError):
        pack_uvarint(value)
    with pytest.raises(BitstreamError):
        pack_uint(value, 4, name="number")


def test_crc_check_value() -> None:
    assert crc32(b"123456789") == 0xCBF43926
    assert crc32(b"6789", crc32(b"12345")) == 0xCBF43926
    assert pack_crc(b"123456789").hex() == b"123456789".hex() + "cbf43926"


def test_reader_counts_and_checks() -> None:
    reader = ByteReader.over(b"skip" + pack_crc(b"\x01\x02\xff\xfe"))
    reader.take(4, name="skip")
    reader.start_crc()
    assert reader.uint(2, name="number") == 0x0102
    assert reader.int16(name="number") == -2
    reader.check_crc(name="record")
    assert reader.offset == 12
    with pytest.raises(TruncatedError, match="needs 1 bytes at offset 12, found 0"):
        reader.take(1, name="more")


def test_short_reads_are_joined() -> None:
    class Slow:
        def __init__(self) -> None:
            self.left = [b"ab", b"c", b"de"]

        def read(self, size: int, /) -> bytes:
            return self.left.pop(0)[:size] if self.left else b""

    assert ByteReader(Slow()).take(5, name="record") == b"abcde"


def test_early_end_inside_checked_bytes_is_not_truncation() -> None:
    with pytest.raises(BitstreamError) as caught, checked_bytes(name="payload"):
        ByteReader.over(b"").take(1, name="field")
    assert not isinstance(caught.value, TruncatedError)


def test_a_path_is_no_file() -> None:
    with pytest.raises(ConfigError, match="a stream is str, needs a file that was opened"):
        ByteReader("talk.bcd")  # type: ignore[arg-type]
