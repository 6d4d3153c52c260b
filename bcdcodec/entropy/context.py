"""Codes with probabilities from the codes before them <-> bytes (spec section 5.2.3). In: int codes. Out: bytes of a
MOTION packet.

Coder and predictor start afresh in every packet, so that a lost one costs only its own frames; going on to the next key
packet instead would have saved 3% on clips of talking people.
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

#: Frames whose counts are computed at once when encoding: bounds the memory, changes no bit.
BLOCK_FRAMES = 32


def encode_context(codes: NDArray[Any], predictor: Predictor) -> bytes:
    """Codes int [n, groups] of one packet, frame by frame, group by group."""
    checked = check_codes(codes, predictor.entries)
    writer = RangeWriter()
    for symbols, counts in zip(_blocks(checked), context_counts(checked, predictor), strict=True):
        writer.put(symbols.reshape(-1), _probabilities(counts))
    return writer.finish()


def decode_context(data: bytes, frames: int, *, predictor: Predictor) -> NDArray[np.int32]:
    """Inverse of `encode_context`: int32 [frames, groups]. Bytes that it would not have written are refused."""
    reader, waves = RangeReader(data), predictor.waves()
    codes = np.full((2 + frames, predictor.groups), predictor.entries, np.int32)  # two frames that are not there
    for at in range(2, 2 + frames):
        sums, scores = predictor.history(codes[at - 1], codes[at - 2])
        for wave in waves:
            found = reader.take(_probabilities(predictor.counts(wave, sums, scores)))
            codes[at, wave] = found
            sums += predictor.add(wave, found)
    if encode_context(codes[2:], predictor) != data:
        raise BitstreamError(f"context-coded motion of {len(data)} bytes is not what the encoder writes for its codes")
    return codes[2:]


def context_counts(
    codes: NDArray[Any], predictor: Predictor, *, block: int = BLOCK_FRAMES
) -> Iterator[NDArray[np.int64]]:
    """Counts int64 [n, groups, entries] of the codes [n, groups] of a packet, `block` frames at a time."""
    if codes.ndim != 2 or codes.shape[1] != predictor.groups:
        raise BitstreamError(f"codes are {codes.shape}, the predictor is for {predictor.groups} groups")
    absent = np.full((2, predictor.groups), predictor.entries, np.int32)
    padded = np.concatenate([absent, codes.astype(np.int32)])
    for start in range(0, len(codes), block):
        before2, before, now = (padded[start + back : len(codes) + back][:block] for back in range(3))
        sums, scores = predictor.history(before, before2)
        parts = []
        for wave in predictor.waves():
            parts.append(predictor.counts(wave, sums, scores))
            sums = sums + predictor.add(wave, now[:, wave])
        yield np.concatenate(parts, axis=1)


def context_bits(codes: NDArray[Any], predictor: Predictor) -> NDArray[np.float64]:
    """What each code of a packet would cost after the codes [n, groups] before it: float64 [n, groups, entries]."""
    bits: NDArray[np.float64] = np.log2(TOTAL / np.concatenate(list(context_counts(codes, predictor))))
    return bits


def _blocks(codes: NDArray[np.int32]) -> Iterator[NDArray[np.int32]]:
    return (codes[start : start + BLOCK_FRAMES] for start in range(0, len(codes), BLOCK_FRAMES))


def _probabilities(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Counts [..., entries] as rows for the range coder; exact, as the total is a power of two."""
    return counts.reshape(-1, counts.shape[-1]) / TOTAL
