"""Range coder with a probability row per symbol (spec section 6), on top of the library constriction.

`RangeWriter.finish` replaces the library's 4-byte end of the code by the shortest bytes that decode, which saves about
two bytes per packet.
"""

from typing import Any

import constriction  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from bcdcodec.entropy.tables import TOTAL, Rows
from bcdcodec.errors import BitstreamError

#: Sizes of the library's default coder (spec section 6.3).
WORD_BYTES = 4
STATE_BITS = 64

#: `perfect=False` fixes how probabilities become 24-bit intervals (spec section 6.2); the library's default may change.
_FAMILY = constriction.stream.model.Categorical(perfect=False)


def row_probabilities(rows: Rows) -> NDArray[np.float64]:
    """Counts as probabilities in floating point: exact, as the total is a power of two."""
    return rows.astype(np.float64) / TOTAL


def row_model(row: NDArray[np.uint32]) -> Any:
    """The library's model of one row, for coding symbol by symbol."""
    return constriction.stream.model.Categorical(row_probabilities(row), perfect=False)


class RangeWriter:
    """Encodes symbols; `finish` returns the bytes of all of them."""

    def __init__(self) -> None:
        self._coder = constriction.stream.queue.RangeEncoder()

    def put(self, symbols: NDArray[np.int32], probabilities: NDArray[np.float64]) -> None:
        """Encode symbols [n], each with its row of probabilities [n, entries]."""
        if len(symbols):
            self._coder.encode(symbols, _FAMILY, probabilities)

    def finish(self) -> bytes:
        """The shortest string of bytes inside the final interval, without trailing zero bytes (spec section 6.4)."""
        words, (lower, width) = self._state()
        size = WORD_BYTES * words + STATE_BITS // 8
        sealed = int.from_bytes(self._coder.get_compressed().astype(">u4").tobytes().ljust(size, b"\0"), "big")
        # The library ends the code at lower + 2**32 - 1. Above the 64-bit state are the words written so far, to which
        # that addition may have carried.
        settled = (sealed >> STATE_BITS) - (lower + (1 << 32) - 1 >> STATE_BITS)
        # The point of the interval with the most trailing zero bytes, which are not sent.
        for zero_bits in range(STATE_BITS, -1, -8):
            point = -(-lower >> zero_bits) << zero_bits
            if point < lower + width:
                break
        return ((settled << STATE_BITS) + point).to_bytes(size, "big").rstrip(b"\0")

    def _state(self) -> tuple[int, tuple[int, int]]:
        """Number of words written so far, and the interval within the state: its lower bound and its width."""
        state: tuple[int, tuple[int, int]] = self._coder.pos()
        return state


class RangeReader:
    """Decodes symbols; bytes past the end read as zero, so callers re-encode and compare to detect damage."""

    def __init__(self, data: bytes) -> None:
        # The library reads whole words; trailing zeros were removed by the writer.
        padded = data + b"\0" * (-len(data) % WORD_BYTES)
        self._coder = constriction.stream.queue.RangeDecoder(np.frombuffer(padded, ">u4").astype(np.uint32))

    def take(self, probabilities: NDArray[np.float64]) -> NDArray[np.int32]:
        """Decode one symbol per row of probabilities [n, entries]; BitstreamError where the bytes are impossible."""
        if not len(probabilities):
            return np.zeros(0, np.int32)
        try:
            symbols: NDArray[np.int32] = self._coder.decode(_FAMILY, probabilities)
        except (AssertionError, ValueError) as error:
            raise BitstreamError(f"entropy-coded bytes are damaged: {error}") from error
        return symbols

    def take_one(self, model: Any) -> int:
        """Decode one symbol with a `row_model`; BitstreamError as `take`."""
        try:
            return int(self._coder.decode(model))
        except (AssertionError, ValueError) as error:
            raise BitstreamError(f"entropy-coded bytes are damaged: {error}") from error
