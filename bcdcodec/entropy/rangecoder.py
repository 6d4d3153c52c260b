"""Symbols with a table row each <-> bytes (spec section 6). In: integers and rows. Out: the shortest bytes that decode.

constriction does the coding; the few lines at the end of `RangeWriter.finish` replace its 4-byte seal by a shorter one,
which saves about two bytes a packet.
"""

from typing import Any

import constriction  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from bcdcodec.entropy.tables import TOTAL, Rows
from bcdcodec.errors import BitstreamError

WORD_BYTES = 4
STATE_BITS = 64

#: `perfect=False` fixes how probabilities become 24-bit intervals (spec section 6.2); the default may change.
_FAMILY = constriction.stream.model.Categorical(perfect=False)


def row_probabilities(rows: Rows) -> NDArray[np.float64]:
    """Counts as floats; exact, as the total is a power of two."""
    return rows.astype(np.float64) / TOTAL


def row_model(row: NDArray[np.uint32]) -> Any:
    """A model of one row, for coding symbol by symbol."""
    return constriction.stream.model.Categorical(row_probabilities(row), perfect=False)


class RangeWriter:
    """Collects symbols; `finish` gives the bytes of all of them."""

    def __init__(self) -> None:
        self._coder = constriction.stream.queue.RangeEncoder()

    def put(self, symbols: NDArray[np.int32], probabilities: NDArray[np.float64]) -> None:
        """Symbols [n] with the rows [n, entries] of `row_probabilities`, one for each."""
        if len(symbols):
            self._coder.encode(symbols, _FAMILY, probabilities)

    def finish(self) -> bytes:
        """The shortest string of bytes inside the final interval, without trailing zero bytes (spec section 6.4)."""
        words, (lower, width) = self._state()
        size = WORD_BYTES * words + STATE_BITS // 8
        sealed = int.from_bytes(self._coder.get_compressed().astype(">u4").tobytes().ljust(size, b"\0"), "big")
        # constriction seals at lower + 2**32 - 1; above the 64-bit state stands settled output, but for a carry.
        settled = (sealed >> STATE_BITS) - (lower + (1 << 32) - 1 >> STATE_BITS)
        for zero_bits in range(STATE_BITS, -1, -8):
            point = -(-lower >> zero_bits) << zero_bits
            if point < lower + width:
                break
        return ((settled << STATE_BITS) + point).to_bytes(size, "big").rstrip(b"\0")

    def _state(self) -> tuple[int, tuple[int, int]]:
        """Words settled so far, and the interval inside the state: its lower end and its width."""
        state: tuple[int, tuple[int, int]] = self._coder.pos()
        return state


class RangeReader:
    """Symbols back from bytes; past their end it reads zeros, so the caller must re-encode and compare."""

    def __init__(self, data: bytes) -> None:
        padded = data + b"\0" * (-len(data) % WORD_BYTES)
        self._coder = constriction.stream.queue.RangeDecoder(np.frombuffer(padded, ">u4").astype(np.uint32))

    def take(self, probabilities: NDArray[np.float64]) -> NDArray[np.int32]:
        """One symbol for each row [n, entries] of `row_probabilities`."""
        if not len(probabilities):
            return np.zeros(0, np.int32)
        try:
            symbols: NDArray[np.int32] = self._coder.decode(_FAMILY, probabilities)
        except (AssertionError, ValueError) as error:
            raise BitstreamError(f"entropy-coded bytes are damaged: {error}") from error
        return symbols

    def take_one(self, model: Any) -> int:
        """One symbol with a `row_model`."""
        try:
            return int(self._coder.decode(model))
        except (AssertionError, ValueError) as error:
            raise BitstreamError(f"entropy-coded bytes are damaged: {error}") from error
