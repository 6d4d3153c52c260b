"""Range coding of motion codes with a static row per codebook: the coding mode `coded` (spec section 5.2.2).

The range coder restarts in every packet, so that a lost packet costs only its own frames.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.entropy.packed import check_codes
from bcdcodec.entropy.rangecoder import RangeReader, RangeWriter, row_probabilities
from bcdcodec.entropy.tables import TOTAL, Rows
from bcdcodec.errors import BitstreamError


def encode_codes(codes: NDArray[Any], table: Rows) -> bytes:
    """Encode codes int [n, groups] with the table uint32 [groups, entries], frame by frame, group by group."""
    groups, entries = table.shape
    checked = check_codes(codes, entries)  # a code beyond the table has no probability
    if checked.shape[1] != groups:
        raise BitstreamError(f"codes have {checked.shape[1]} groups, the table has {groups}")
    writer = RangeWriter()
    writer.put(checked.reshape(-1), np.tile(row_probabilities(table), (len(checked), 1)))
    return writer.finish()


def decode_codes(data: bytes, frames: int, *, table: Rows) -> NDArray[np.int32]:
    """Inverse of `encode_codes`: int32 [frames, groups]. BitstreamError for bytes that it would not have written."""
    symbols = RangeReader(data).take(np.tile(row_probabilities(table), (frames, 1)))
    codes = symbols.reshape(frames, table.shape[0])
    # The range coder accepts several byte strings for the same codes; only the encoder's own is valid (spec 6.4).
    if encode_codes(codes, table) != data:
        raise BitstreamError(f"coded motion of {len(data)} bytes is not what the encoder writes for its codes")
    return codes


def code_cost_bits(table: Rows) -> NDArray[np.float64]:
    """Cost of each code in bits: float64 [groups, entries]."""
    bits: NDArray[np.float64] = np.log2(TOTAL / table.astype(np.float64))
    return bits
