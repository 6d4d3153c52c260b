"""Range coding of motion codes with static tables (spec section 5.2.2)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcdcodec.entropy.static import code_cost_bits, decode_codes, encode_codes
from bcdcodec.entropy.tables import Rows, fit_rows
from bcdcodec.errors import BitstreamError

SMALL: Rows = np.array([[32768, 16384, 8192, 8192], [1, 65533, 1, 1]], np.uint32)
GOLDEN = [
    ([[0, 1], [1, 1], [2, 0], [3, 1], [0, 3]], "57ff5190619f"),
    ([[3, 3]], "ffffe0"),
    ([[0, 1]], "01"),
    ([[0, 0]], ""),
]


def skewed(groups: int, entries: int, seed: int) -> Rows:
    return fit_rows((1000 * np.random.default_rng(seed).random((groups, entries)) ** 6).astype(np.int64))


@pytest.mark.parametrize(("codes", "expected"), GOLDEN)
def test_bytes(codes: list[list[int]], expected: str) -> None:
    assert encode_codes(np.array(codes), SMALL).hex() == expected
    assert decode_codes(bytes.fromhex(expected), len(codes), table=SMALL).tolist() == codes


@given(st.integers(0, 20), st.integers(1, 70), st.sampled_from([2, 5, 32, 64]), st.integers(0, 2**32))
def test_round_trip(frames: int, groups: int, entries: int, seed: int) -> None:
    table = skewed(groups, entries, seed)
    codes = np.random.default_rng(seed).integers(0, entries, (frames, groups))
    found = decode_codes(encode_codes(codes, table), frames, table=table)
    assert found.dtype == np.int32 and (found == codes).all() and found.shape == codes.shape


def test_largest_packet() -> None:
    table = skewed(64, 32, 1)
    codes = np.random.default_rng(1).integers(0, 32, (255, 64))
    assert (decode_codes(encode_codes(codes, table), 255, table=table) == codes).all()


def test_every_other_string_of_bytes_is_refused() -> None:
    table = skewed(16, 32, 2)
    codes = np.random.default_rng(2).integers(0, 32, (3, 16))
    data = encode_codes(codes, table)
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            other = decode_codes(bytes(flipped), 3, table=table)
        except BitstreamError:
            continue
        assert (other != codes).any()  # another valid code: the packet's CRC stands before this
    for wrong in (data + b"\0", data + b"\x01", b"\0" + data, *(data[:cut] for cut in range(len(data)))):
        try:
            assert (decode_codes(wrong, 3, table=table) != codes).any()
        except BitstreamError:
            continue


@pytest.mark.parametrize("tail", [b"\0", b"\x01", b"\0\0\0\0", b"\xff" * 9])
def test_trailing_bytes_are_refused(tail: bytes) -> None:
    table = skewed(16, 32, 3)
    data = encode_codes(np.ones((4, 16), np.int32), table)
    with pytest.raises(BitstreamError, match="is not what the encoder writes"):
        decode_codes(data + tail, 4, table=table)


def test_cost_of_codes() -> None:
    assert code_cost_bits(SMALL)[0].tolist() == [1.0, 2.0, 3.0, 3.0]
    table = skewed(64, 32, 4)
    codes = np.random.default_rng(4).integers(0, 32, (40, 64))
    ideal = code_cost_bits(table)[np.arange(64), codes].sum()
    assert ideal < 8 * len(encode_codes(codes, table)) < 1.001 * ideal + 16


@pytest.mark.parametrize("codes", [[[0, 4]], [[-1, 0]], [[0]], [[0.5, 0.5]], [0, 0]])
def test_other_codes_are_refused(codes: list[object]) -> None:
    with pytest.raises(BitstreamError):
        encode_codes(np.array(codes), SMALL)
