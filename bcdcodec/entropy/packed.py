"""Fixed-length coding of motion codes: the coding mode `packed` (spec section 5.2.1)."""

from typing import Any

import numpy as np
from bitarray import bitarray
from numpy.typing import NDArray

from bcdcodec.errors import BitstreamError

#: Longest code in bits.
MAX_BITS = 8


def check_codes(codes: NDArray[Any], entries: int) -> NDArray[np.int32]:
    """Codes [n, groups] as int32; BitstreamError unless they are integers from 0 to entries - 1."""
    if codes.ndim != 2 or codes.dtype.kind not in "iu":
        raise BitstreamError(f"codes are {codes.dtype} {codes.shape}, need integers [frames, groups]")
    if codes.size and (codes.min() < 0 or codes.max() >= entries):
        raise BitstreamError(f"codes run from {codes.min()} to {codes.max()}, allowed are 0 to {entries - 1}")
    return codes.astype(np.int32)


def pack_codes(codes: NDArray[Any], bits: int) -> bytes:
    """Encode codes [n, groups] with `bits` bits each, most significant first; zero bits fill the last byte."""
    _check_bits(bits)
    # Bits as a matrix: bitarray packs a byte per bit, without a loop over codes.
    planes = check_codes(codes, 1 << bits).reshape(-1, 1) >> np.arange(bits - 1, -1, -1) & 1  # [n * groups, bits]
    packed = bitarray(endian="big")
    packed.pack(planes.astype(np.uint8).tobytes())
    return packed.tobytes()


def unpack_codes(data: bytes, frames: int, *, groups: int, bits: int) -> NDArray[np.int32]:
    """Inverse of `pack_codes`: int32 [frames, groups]. BitstreamError for a wrong length or nonzero padding."""
    _check_bits(bits)
    # Exact length and padding: otherwise several byte strings would mean the same codes.
    used = frames * groups * bits
    if len(data) != (used + 7) // 8:
        raise BitstreamError(f"packed codes have {len(data)} bytes, {frames} frames need {(used + 7) // 8}")
    packed = bitarray(data, endian="big")
    if packed[used:].any():
        raise BitstreamError("packed codes end in padding that is not zero")
    planes = np.frombuffer(packed[:used].unpack(), np.uint8).reshape(-1, bits).astype(np.int32)
    weights = 1 << np.arange(bits - 1, -1, -1, dtype=np.int32)
    codes: NDArray[np.int32] = (planes @ weights).reshape(frames, groups)
    return codes


def _check_bits(bits: int) -> None:
    if not 1 <= bits <= MAX_BITS:
        raise BitstreamError(f"{bits} bits a code, allowed are 1 to {MAX_BITS}")
