"""Fixed-length coding of motion codes (spec section 5.2.1)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcdcodec.entropy.packed import pack_codes, unpack_codes
from bcdcodec.errors import BitstreamError


def test_bytes() -> None:
    codes = np.array([[1, 2, 3, 4], [31, 0, 16, 8]])
    assert pack_codes(codes, 5).hex() == "08864f8208"
    assert unpack_codes(bytes.fromhex("08864f8208"), 2, groups=4, bits=5).tolist() == codes.tolist()
    assert pack_codes(np.array([[1], [1], [1]]), 1) == b"\xe0"


def test_frame_of_the_paper_is_forty_bytes() -> None:
    assert len(pack_codes(np.zeros((1, 64), np.int32), 5)) == 40
    assert len(pack_codes(np.zeros((7, 64), np.uint8), 5)) == 7 * 40


@given(st.integers(0, 12), st.integers(1, 70), st.integers(1, 8), st.integers(0, 2**32))
def test_round_trip(frames: int, groups: int, bits: int, seed: int) -> None:
    codes = np.random.default_rng(seed).integers(0, 1 << bits, (frames, groups))
    data = pack_codes(codes, bits)
    assert len(data) == -(-frames * groups * bits // 8)
    found = unpack_codes(data, frames, groups=groups, bits=bits)
    assert found.dtype == np.int32 and found.shape == codes.shape
    assert (found == codes).all()


def test_largest_packet() -> None:
    codes = np.full((255, 255), 255)
    assert (unpack_codes(pack_codes(codes, 8), 255, groups=255, bits=8) == codes).all()


@pytest.mark.parametrize("data", [b"", b"\x08\x86", b"\x08\x86\x4f\x00"])
def test_length_must_be_exact(data: bytes) -> None:
    with pytest.raises(BitstreamError, match="need 3"):
        unpack_codes(data, 1, groups=4, bits=5)


def test_padding_must_be_zero() -> None:
    assert unpack_codes(b"\x08\x86\x40", 1, groups=4, bits=5).tolist() == [[1, 2, 3, 4]]
    for padding in (1, 2, 4, 8):
        with pytest.raises(BitstreamError, match="padding"):
            unpack_codes(bytes([0x08, 0x86, 0x40 | padding]), 1, groups=4, bits=5)


@pytest.mark.parametrize("codes", [[[32]], [[-1]], [[1.5]], [1, 2]])
def test_other_codes_are_refused(codes: list[object]) -> None:
    with pytest.raises(BitstreamError):
        pack_codes(np.array(codes), 5)


@pytest.mark.parametrize("bits", [0, 9])
def test_other_widths_are_refused(bits: int) -> None:
    with pytest.raises(BitstreamError):
        pack_codes(np.zeros((1, 1), np.int32), bits)
    with pytest.raises(BitstreamError):
        unpack_codes(b"", 0, groups=1, bits=bits)
