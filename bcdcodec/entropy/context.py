"""Context-adaptive range coding of motion codes: the coding mode `context` (spec section 5.2.3).

Coder and context restart in every packet, so that a lost packet costs only its own frames; restarting only at key
packets would save 3% of the bits on clips of talking people.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.entropy.packed import check_codes
from bcdcodec.entropy.predictor import Predictor
from bcdcodec.entropy.rangecoder import RangeReader, RangeWriter
from bcdcodec.entropy.tables import TOTAL
from bcdcodec.errors import BitstreamError

#: Frames whose counts are computed at once when encoding: bounds the memory and does not change the bytes.
BLOCK_FRAMES = 32


def encode_context(codes: NDArray[Any], predictor: Predictor) -> bytes:
    """Encode the codes int [n, groups] of one packet, frame by frame, group by group."""
    checked = check_codes(codes, predictor.entries)
    writer = RangeWriter()
    for symbols, counts in zip(_blocks(checked), context_counts(checked, predictor), strict=True):
        writer.put(symbols.reshape(-1), _probabilities(counts))
    return writer.finish()


def decode_context(data: bytes, frames: int, *, predictor: Predictor) -> NDArray[np.int32]:
    """Inverse of `encode_context`: int32 [frames, groups]. BitstreamError for bytes that it would not have written."""
    reader, group_slices = RangeReader(data), predictor.group_slices()
    # Two rows of the code `entries` stand for the frames before the packet.
    codes = np.full((2 + frames, predictor.groups), predictor.entries, np.int32)
    for index in range(2, 2 + frames):
        sums, scores = predictor.history(codes[index - 1], codes[index - 2])
        for group_slice in group_slices:
            decoded = reader.take(_probabilities(predictor.counts(group_slice, sums, scores)))
            codes[index, group_slice] = decoded
            sums += predictor.add(group_slice, decoded)
    # The range coder accepts several byte strings for the same codes; only the encoder's own is valid (spec 6.4).
    if encode_context(codes[2:], predictor) != data:
        raise BitstreamError(f"context-coded motion of {len(data)} bytes is not what the encoder writes for its codes")
    return codes[2:]


def context_counts(
    codes: NDArray[Any], predictor: Predictor, *, block: int = BLOCK_FRAMES
) -> Iterator[NDArray[np.int64]]:
    """Yield the probability rows, counts int64 [n, groups, entries], of a packet's codes [n, groups], `block` frames at
    a time.
    """
    if codes.ndim != 2 or codes.shape[1] != predictor.groups:
        raise BitstreamError(f"codes are {codes.shape}, the predictor is for {predictor.groups} groups")
    # Two frames of the code `entries` stand before the packet's first, so that every frame has a history.
    absent = np.full((2, predictor.groups), predictor.entries, np.int32)
    padded = np.concatenate([absent, codes.astype(np.int32)])
    for start in range(0, len(codes), block):
        # The encoder knows all codes, so it computes whole blocks of frames; the decoder has to go frame by frame.
        before_previous, previous, current = (padded[start + lag : len(codes) + lag][:block] for lag in range(3))
        sums, scores = predictor.history(previous, before_previous)
        counts = []
        for group_slice in predictor.group_slices():
            counts.append(predictor.counts(group_slice, sums, scores))
            sums = sums + predictor.add(group_slice, current[:, group_slice])
        yield np.concatenate(counts, axis=1)


def context_bits(codes: NDArray[Any], predictor: Predictor) -> NDArray[np.float64]:
    """Cost in bits of every possible code, given the codes [n, groups] before it: float64 [n, groups, entries]."""
    bits: NDArray[np.float64] = np.log2(TOTAL / np.concatenate(list(context_counts(codes, predictor))))
    return bits


def _blocks(codes: NDArray[np.int32]) -> Iterator[NDArray[np.int32]]:
    return (codes[start : start + BLOCK_FRAMES] for start in range(0, len(codes), BLOCK_FRAMES))


def _probabilities(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Counts [..., entries] as rows for the range coder; exact, as the total is a power of two."""
    return counts.reshape(-1, counts.shape[-1]) / TOTAL
