"""Codes with a probability table a codebook <-> bytes (section 5.2.2). In: int codes. Out: bytes of a MOTION packet.

The range coder starts afresh in every packet, so that a lost one costs only its own frames.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.entropy.packed import check_codes
from bcdcodec.entropy.rangecoder import RangeReader, RangeWriter, row_probabilities
from bcdcodec.entropy.tables import TOTAL, Rows
from bcdcodec.errors import BitstreamError


def encode_codes(codes: NDArray[Any], table: Rows) -> bytes:
    """Codes int [n, groups] with the rows uint32 [groups, entries], frame by frame, group by group."""
    groups, entries = table.shape
    checked = check_codes(codes, entries)
    if checked.shape[1] != groups:
        raise BitstreamError(f"codes have {checked.shape[1]} groups, the table has {groups}")
    writer = RangeWriter()
    writer.put(checked.reshape(-1), np.tile(row_probabilities(table), (len(checked), 1)))
    return writer.finish()


def decode_codes(data: bytes, frames: int, *, table: Rows) -> NDArray[np.int32]:
    """Inverse of `encode_codes`: int32 [frames, groups]. Bytes that it would not have written are refused."""
    symbols = RangeReader(data).take(np.tile(row_probabilities(table), (frames, 1)))
    codes = symbols.reshape(frames, table.shape[0])
    if encode_codes(codes, table) != data:
        raise BitstreamError(f"coded motion of {len(data)} bytes is not what the encoder writes for its codes")
    return codes


def code_cost_bits(table: Rows) -> NDArray[np.float64]:
    """What each code costs: float64 [groups, entries], in bits."""
    bits: NDArray[np.float64] = np.log2(TOTAL / table.astype(np.float64))
    return bits
