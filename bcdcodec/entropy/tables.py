"""Integer probability tables (spec section 6.1). In: a weights file, or histograms. Out: rows for the coders.

No float decides what a decoder reads: a row is a list of counts that sum to 2**16, and it ships with the weights.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from bcdcodec.errors import WeightsError

TOTAL = 1 << 16
MAX_ENTRIES = 1 << 12
MAX_ROWS = 1 << 12
MOTION_TENSOR = "tables.motion"
CONTENT_TENSOR = "tables.content"

Rows = NDArray[np.uint32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tables:
    """The rows of one model. motion: uint32 [groups, entries]. content: uint32 [contexts, symbols]."""

    motion: Rows
    content: Rows

    def __post_init__(self) -> None:
        object.__setattr__(self, "motion", check_rows(self.motion, name=MOTION_TENSOR))
        object.__setattr__(self, "content", check_rows(self.content, name=CONTENT_TENSOR))

    @classmethod
    def from_file(cls, path: Path | str) -> Self:
        """Read the two int32 tensors of a safetensors file, and nothing else of it."""
        try:
            with safe_open(str(path), framework="numpy") as file:
                motion, content = _tensor(file, MOTION_TENSOR), _tensor(file, CONTENT_TENSOR)
        except (OSError, SafetensorError) as error:
            raise WeightsError(f"cannot read tables from {path}: {error}") from error
        return cls(motion=motion, content=content)


def check_rows(rows: NDArray[Any], *, name: str) -> Rows:
    """A read-only uint32 copy of integer rows, every one of which must be a probability table."""
    if rows.ndim != 2 or rows.dtype.kind not in "iu":
        raise WeightsError(f"{name} is {rows.dtype} {rows.shape}, needs integers [rows, entries]")
    if not 1 <= rows.shape[0] <= MAX_ROWS or not 2 <= rows.shape[1] <= MAX_ENTRIES:
        raise WeightsError(f"{name} is {rows.shape}, allowed are 1 to {MAX_ROWS} rows of 2 to {MAX_ENTRIES} entries")
    if rows.min() < 1 or rows.max() > TOTAL:
        raise WeightsError(f"{name} has counts from {rows.min()} to {rows.max()}, allowed are 1 to {TOTAL}")
    sums = rows.astype(np.int64).sum(axis=1)
    if (sums != TOTAL).any():
        row = int(np.flatnonzero(sums != TOTAL)[0])
        raise WeightsError(f"{name} row {row} sums to {sums[row]}, needs {TOTAL}")
    checked = rows.astype(np.uint32)
    checked.setflags(write=False)
    return checked


def fit_rows(counts: NDArray[Any]) -> Rows:
    """Histograms [rows, entries] of non-negative integers -> rows summing to 2**16, no zero; in integers throughout.

    Every entry gets one unit; the rest is shared in proportion to count + 1 by largest remainder, lower index first.
    """
    if counts.ndim != 2 or counts.dtype.kind not in "iu" or counts.shape[1] > MAX_ENTRIES or counts.size == 0:
        raise WeightsError(f"counts are {counts.dtype} {counts.shape}, need integers [rows, 2 to {MAX_ENTRIES}]")
    if counts.min() < 0 or counts.max() >= 1 << 40:
        raise WeightsError(f"counts run from {counts.min()} to {counts.max()}, allowed are 0 to 2**40 - 1")
    return check_rows(np.array([_fit_row([int(count) for count in row]) for row in counts]), name="fitted rows")


def _fit_row(counts: list[int]) -> list[int]:
    weights = [count + 1 for count in counts]
    total, free = sum(weights), TOTAL - len(weights)
    shares = [divmod(weight * free, total) for weight in weights]
    missing = free - sum(share for share, _ in shares)
    largest = sorted(range(len(weights)), key=lambda index: (-shares[index][1], index))[:missing]
    row = [1 + share for share, _ in shares]
    for index in largest:
        row[index] += 1
    return row


def _tensor(file: Any, name: str) -> NDArray[Any]:
    if name not in file.keys():  # noqa: SIM118 - safe_open is no mapping
        raise WeightsError(f"weights file has no tensor {name}")
    tensor: NDArray[Any] = file.get_tensor(name)
    if tensor.dtype != np.int32:
        raise WeightsError(f"{name} is {tensor.dtype}, needs int32")
    return tensor
