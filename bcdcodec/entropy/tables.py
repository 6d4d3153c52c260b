"""Integer probability tables of the range coder (spec section 6.1): reading, checking and fitting to histograms.

A row is a list of integer counts that sum to 2**16 and ships with the weights, so that encoder and decoder agree on
every probability whatever their floating-point arithmetic.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bcdcodec.errors import WeightsError
from bcdcodec.weightfile import read_tensors

#: Sum of the counts of a row: a power of two, so that count / TOTAL is exact in floating point.
TOTAL = 1 << 16
#: Bounds of a table, which come from a file and size what is allocated.
MAX_ENTRIES = 1 << 12
MAX_ROWS = 1 << 12
PREFIX = "tables."
MOTION, CONTENT = "motion", "content"

Rows = NDArray[np.uint32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tables:
    """The tables of one model. motion: uint32 [groups, entries]; content: uint32 [contexts, symbols]."""

    motion: Rows
    content: Rows

    def __post_init__(self) -> None:
        object.__setattr__(self, "motion", check_rows(self.motion, name=PREFIX + MOTION))
        object.__setattr__(self, "content", check_rows(self.content, name=PREFIX + CONTENT))

    @classmethod
    def from_file(cls, path: Path | str) -> Self:
        """The tables of a weights file; WeightsError where one is missing or is no table."""
        tensors = read_tensors(path, prefix=PREFIX)
        return cls(motion=_int32(tensors, MOTION), content=_int32(tensors, CONTENT))


def check_rows(rows: NDArray[Any], *, name: str) -> Rows:
    """A read-only uint32 copy of a table [rows, entries].

    name: for messages. WeightsError unless the counts of every row are at least 1 and sum to TOTAL.
    """
    if rows.ndim != 2 or rows.dtype.kind not in "iu":
        raise WeightsError(f"{name} is {rows.dtype} {rows.shape}, needs integers [rows, entries]")
    if not 1 <= rows.shape[0] <= MAX_ROWS or not 2 <= rows.shape[1] <= MAX_ENTRIES:
        raise WeightsError(f"{name} is {rows.shape}, allowed are 1 to {MAX_ROWS} rows of 2 to {MAX_ENTRIES} entries")
    if rows.min() < 1 or rows.max() > TOTAL:
        raise WeightsError(f"{name} has counts from {rows.min()} to {rows.max()}, allowed are 1 to {TOTAL}")
    sums = rows.astype(np.int64).sum(axis=1)  # int64: rows of narrow types would overflow
    if (sums != TOTAL).any():
        row = int(np.flatnonzero(sums != TOTAL)[0])
        raise WeightsError(f"{name} row {row} sums to {sums[row]}, needs {TOTAL}")
    # Read-only: coders of several streams share the table.
    checked = rows.astype(np.uint32)
    checked.setflags(write=False)
    return checked


def fit_rows(counts: NDArray[Any]) -> Rows:
    """The table that fits histograms [rows, entries] of non-negative integers, computed in integers throughout.

    Every entry gets one unit; the rest is shared in proportion to count + 1 by the largest-remainder method, lower
    index first.
    """
    if counts.ndim != 2 or counts.dtype.kind not in "iu" or counts.shape[1] > MAX_ENTRIES or counts.size == 0:
        raise WeightsError(f"counts are {counts.dtype} {counts.shape}, need integers [rows, 2 to {MAX_ENTRIES}]")
    if counts.min() < 0 or counts.max() >= 1 << 40:
        raise WeightsError(f"counts run from {counts.min()} to {counts.max()}, allowed are 0 to 2**40 - 1")
    return check_rows(np.array([_fit_row([int(count) for count in row]) for row in counts]), name="fitted rows")


def _fit_row(counts: list[int]) -> list[int]:
    # Add-one smoothing; Python integers, since products of counts exceed 64 bits.
    weights = [count + 1 for count in counts]
    total, free = sum(weights), TOTAL - len(weights)
    shares = [divmod(weight * free, total) for weight in weights]
    missing = free - sum(share for share, _ in shares)
    largest = sorted(range(len(weights)), key=lambda index: (-shares[index][1], index))[:missing]
    row = [1 + share for share, _ in shares]
    for index in largest:
        row[index] += 1
    return row


def _int32(tensors: dict[str, NDArray[Any]], name: str) -> NDArray[Any]:
    if name not in tensors:
        raise WeightsError(f"weights file has no tensor {PREFIX}{name}")
    if tensors[name].dtype != np.int32:
        raise WeightsError(f"{PREFIX}{name} is {tensors[name].dtype}, needs int32")
    return tensors[name]
