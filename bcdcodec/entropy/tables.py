"""Integer tables of entropy coding (spec section 8): reading, checking, and fitting of rows to histograms.

A row is a list of integer counts that sum to 2**16 and ships with the weights, so that encoder and decoder agree on
every probability whatever their floating-point arithmetic (spec section 6.1). The shape model of the landmarks is in
integers for the same reason.
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
#: Landmarks of a face (video/landmarks.py), most components of their shapes, and the largest coordinate of any shape in
#: units of LandmarkTables: with these bounds the decoder's products stay below 2**60 and its positions below 2**24.
LANDMARKS, MAX_COMPONENTS, MAX_SHAPE = 478, 256, 1 << 28
LANDMARK_PREFIX, POSE_SHARE = "landmark_", "pose_share"

Rows = NDArray[np.uint32]
Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LandmarkTables:
    """Shape model of the landmarks of a face (spec section 7.3): mean shape, principal components, rows of levels.

    mean: int32 [LANDMARKS, 2], x and y (down) in units of 2**-20 of the face's size. basis: int32 [K, LANDMARKS, 2],
    the change of the shape by one level of each component, in the same unit. rows: uint32 [K, 2 * max_level + 1].
    pose_share: int32 [K, K] in units of 2**-16, maps a difference of two faces' levels to the part of it that is pose
    and expression, not the people themselves; for motion transfer alone, or None. WeightsError for tables of other
    types or sizes, and for shapes beyond MAX_SHAPE.
    """

    mean: Ints
    basis: Ints
    rows: Rows
    pose_share: Ints | None = None

    def __post_init__(self) -> None:
        name = PREFIX + LANDMARK_PREFIX
        rows = check_rows(self.rows, name=name + "rows")
        components, symbols = rows.shape
        if components > MAX_COMPONENTS or symbols % 2 == 0:
            raise WeightsError(
                f"{name}rows is {rows.shape}, allowed are {MAX_COMPONENTS} rows of an odd number of entries"
            )
        shapes = {"mean": (LANDMARKS, 2), "basis": (components, LANDMARKS, 2), POSE_SHARE: (components, components)}
        given = [part for part in shapes if getattr(self, part) is not None]
        for part in given:
            found, shape = getattr(self, part), shapes[part]
            if found.dtype != np.int32 or found.shape != shape:
                raise WeightsError(f"{name}{part} is {found.dtype} {found.shape}, needs int32 {shape}")
        # int64 is enough: at most 2**8 components times 2**11 levels times 2**31.
        reach = np.abs(self.mean.astype(np.int64))
        reach += (symbols - 1) // 2 * np.abs(self.basis.astype(np.int64)).sum(axis=0)
        if reach.max() > MAX_SHAPE:
            raise WeightsError(f"shapes of {name}* reach {reach.max()}, allowed is {MAX_SHAPE}")
        object.__setattr__(self, "rows", rows)
        for part in given:
            copy = getattr(self, part).copy()
            copy.setflags(write=False)
            object.__setattr__(self, part, copy)

    @property
    def max_level(self) -> int:
        """Largest magnitude of a level."""
        return (int(self.rows.shape[1]) - 1) // 2

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The tables, int32, by their names in a weights file after PREFIX; inverse of `Tables.from_file`."""
        parts = {"mean": self.mean, "basis": self.basis, "rows": self.rows.astype(np.int32)}
        parts |= {} if self.pose_share is None else {POSE_SHARE: self.pose_share}
        return {LANDMARK_PREFIX + part: tensor for part, tensor in parts.items()}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tables:
    """The tables of one model. motion: uint32 [groups, entries]; content: uint32 [contexts, symbols].

    landmarks: None for a model that codes no faces.
    """

    motion: Rows
    content: Rows
    landmarks: LandmarkTables | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "motion", check_rows(self.motion, name=PREFIX + MOTION))
        object.__setattr__(self, "content", check_rows(self.content, name=PREFIX + CONTENT))

    @classmethod
    def from_file(cls, path: Path | str) -> Self:
        """The tables of a weights file; WeightsError where one is missing or is no table."""
        tensors = read_tensors(path, prefix=PREFIX)
        landmarks = None
        if any(name.startswith(LANDMARK_PREFIX) for name in tensors):
            mean, basis, rows = (_int32(tensors, LANDMARK_PREFIX + part) for part in ("mean", "basis", "rows"))
            share = _int32(tensors, name) if (name := LANDMARK_PREFIX + POSE_SHARE) in tensors else None
            landmarks = LandmarkTables(mean=mean, basis=basis, rows=rows, pose_share=share)
        return cls(motion=_int32(tensors, MOTION), content=_int32(tensors, CONTENT), landmarks=landmarks)


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
