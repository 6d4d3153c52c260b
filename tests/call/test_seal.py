"""Seals: secret, authentic, and taken once."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcdcodec.call.datagram import DatagramKind, DatagramReader, DatagramWriter
from bcdcodec.call.seal import KEY_BYTES, Seal, make_key, read_key
from bcdcodec.errors import BitstreamError, ConfigError, MissingExtraError, VideoError

KEY = bytes(range(KEY_BYTES))
MEDIA = (DatagramKind.MEDIA,)


def sealed(count: int = 1, *, key: bytes = KEY, kind: DatagramKind = DatagramKind.MEDIA) -> list[bytes]:
    writer = DatagramWriter(7, Seal(key))
    return [writer.pack(kind, b"secret", sent_ms=0) for _ in range(count)]


def test_the_body_is_not_readable_and_comes_back() -> None:
    (data,) = sealed()
    assert b"secret" not in data
    assert DatagramReader(Seal(KEY)).unpack(data, MEDIA).body == b"secret"


def test_equal_bodies_differ_by_sequence_and_direction() -> None:
    one, other = sealed(2)
    (report,) = sealed(kind=DatagramKind.REPORT)
    assert len({one[10:], other[10:], report[10:]}) == 3


@given(place=st.integers(0, 31), mask=st.integers(1, 255))
def test_every_change_is_found(place: int, mask: int) -> None:
    data = bytearray(sealed()[0])
    assert len(data) == 32
    data[place] ^= mask
    with pytest.raises(BitstreamError):
        DatagramReader(Seal(KEY)).unpack(bytes(data), MEDIA)


def test_a_replay_is_refused_and_disorder_is_not() -> None:
    reader, (first, second, third) = DatagramReader(Seal(KEY)), sealed(3)
    for data in (third, first, second):
        reader.unpack(data, MEDIA)
    for data in (first, second, third):
        with pytest.raises(BitstreamError, match="came before"):
            reader.unpack(data, MEDIA)


def test_a_forged_number_does_not_move_the_window() -> None:
    reader, (data,) = DatagramReader(Seal(KEY)), sealed()
    forged = data[:5] + b"\xff\xff\xff" + data[8:]
    with pytest.raises(BitstreamError, match="another key"):
        reader.unpack(forged, MEDIA)
    assert reader.unpack(data, MEDIA).sequence == 0


def test_another_key_opens_nothing() -> None:
    with pytest.raises(BitstreamError, match="another key"):
        DatagramReader(Seal(make_key())).unpack(sealed()[0], MEDIA)


def test_keys_are_read_as_bytes_and_as_digits(tmp_path: Path) -> None:
    path = tmp_path / "call.key"
    for data in (KEY, KEY.hex().encode(), KEY.hex().encode() + b"\n"):
        path.write_bytes(data)
        assert read_key(path) == KEY
    path.write_bytes(b"short")
    with pytest.raises(ConfigError, match="it has 5 bytes, needed are 32"):
        read_key(path)
    with pytest.raises(VideoError, match="cannot be read"):
        read_key(tmp_path / "none.key")
    with pytest.raises(ConfigError, match="key has 3 bytes"):
        Seal(b"abc")


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(MissingExtraError, match=r"\[call\]"):
        Seal(KEY)
