"""Context model of the motion codes: integer scores of every code given the codes before it (spec section 6.5).

    codes of this frame, parallel groups before -> rows of `current`   \\
    codes of the frame before                   -> rows of `previous`   > sum -> halve, clip to 0..127 = hidden [H]
    code of the group one frame before          -> row of `lag1`       \\
    code of the group two frames before         -> row of `lag2`        > sum = scores [E] -> softmax.py -> counts [E]
    hidden                                      -> hidden @ `output`   /

Everything is an integer. Sums of products stay below 2**24, where float32 is exact too: the scores do not depend on the
order of additions, the number of threads or the matrix library.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bcdcodec.entropy.softmax import softmax_counts
from bcdcodec.entropy.tables import Rows
from bcdcodec.errors import WeightsError
from bcdcodec.weightfile import read_tensors

#: Consecutive groups that are decoded in parallel, independently of each other. Four would take half the time and 2%
#: more bits.
PARALLEL_GROUPS = 2
MAX_GROUPS, MAX_ENTRIES = 255, 256
#: Upper bounds of hidden values and of their number: with weights of -128 to 127, sums of products stay below 2**24.
MAX_HIDDEN_VALUE, MAX_HIDDEN = 127, 1024
PREFIX = "context."
#: Name of each tensor in a weights file (spec section 8), after PREFIX, and its type.
TENSORS: dict[str, tuple[str, type[np.signedinteger[Any]]]] = {
    "current": ("now", np.int8),
    "previous": ("before", np.int8),
    "lag1": ("same", np.int16),
    "lag2": ("same2", np.int16),
    "output": ("out", np.int8),
}

Ints = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictor:
    """The context model of one codec model.

    current: int8 [groups, entries, hidden]; previous: int8 [groups, entries + 1, hidden]; lag1, lag2: int16 [groups,
    entries + 1, entries]; output: int8 [groups, hidden, entries]. Row `entries` stands for a frame before the packet's
    first. WeightsError for tensors of other types or shapes.
    """

    current: NDArray[np.int8]
    previous: NDArray[np.int8]
    lag1: NDArray[np.int16]
    lag2: NDArray[np.int16]
    output: NDArray[np.int8]

    def __post_init__(self) -> None:
        for name, (file_name, kind) in TENSORS.items():
            tensor = getattr(self, name)
            if tensor.dtype != kind or tensor.ndim != 3:
                raise WeightsError(
                    f"{PREFIX}{file_name} is {tensor.dtype} {tensor.shape}, needs {kind.__name__} and three dimensions"
                )
        # The bounds are those under which all arithmetic is exact (see MAX_HIDDEN_VALUE); the file is not trusted.
        groups, entries, hidden = self.current.shape
        if not (1 <= groups <= MAX_GROUPS and 2 <= entries <= MAX_ENTRIES and 1 <= hidden <= MAX_HIDDEN):
            raise WeightsError(
                f"{PREFIX}{TENSORS['current'][0]} is {self.current.shape}, allowed are {MAX_GROUPS} groups, "
                f"{MAX_ENTRIES} entries and {MAX_HIDDEN} hidden numbers"
            )
        for name, needed in (
            ("previous", (groups, entries + 1, hidden)),
            ("lag1", (groups, entries + 1, entries)),
            ("lag2", (groups, entries + 1, entries)),
            ("output", (groups, hidden, entries)),
        ):
            if getattr(self, name).shape != needed:
                raise WeightsError(f"{PREFIX}{TENSORS[name][0]} is {getattr(self, name).shape}, needs {needed}")

    @classmethod
    def from_file(cls, path: Path | str) -> Self | None:
        """The context model of a weights file, None where it has none; WeightsError where it has only a part of one."""
        tensors = read_tensors(path, prefix=PREFIX)
        present = {name: tensors[file_name] for name, (file_name, _) in TENSORS.items() if file_name in tensors}
        if not present:
            return None  # weights without mode context
        if len(present) < len(TENSORS):
            raise WeightsError(f"{path} has only {sorted(tensors)} of the tensors {PREFIX}*")
        return cls(**present)

    @classmethod
    def of_table(cls, path: Path | str, table: Rows) -> Self | None:
        """`from_file`, with a check that it fits the static table [groups, entries]; WeightsError if it does not."""
        predictor = cls.from_file(path)
        if predictor is not None and (predictor.groups, predictor.entries) != table.shape:
            raise WeightsError(
                f"{path}: context model is for {predictor.groups}x{predictor.entries}, the table {table.shape}"
            )
        return predictor

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The tensors by their names in a weights file; inverse of `from_file`."""
        return {PREFIX + file_name: getattr(self, name) for name, (file_name, _) in TENSORS.items()}

    @property
    def groups(self) -> int:
        return int(self.current.shape[0])

    @property
    def entries(self) -> int:
        return int(self.current.shape[1])

    def first(self, groups: int) -> "Predictor":
        """The context model of streams that carry the first `groups` groups only: contexts never look at the others."""
        return Predictor(**{name: getattr(self, name)[:groups] for name in TENSORS})

    def group_slices(self) -> list[slice]:
        """The sets of parallel groups, in decoding order."""
        return [
            slice(start, min(start + PARALLEL_GROUPS, self.groups)) for start in range(0, self.groups, PARALLEL_GROUPS)
        ]

    def history(self, previous: Ints, before_previous: Ints) -> tuple[Ints, Ints]:
        """Contributions of earlier frames, before any code of the current frame is known.

        previous, before_previous: codes [..., groups] one and two frames before, `entries` where the packet has no
        such frame. Returns sums [..., hidden] and scores [..., groups, entries], both for `counts`.
        """
        # One embedding row per group, summed over the groups: the first layer of a small network on one-hot codes.
        groups = np.arange(self.groups)
        sums = self.previous[groups, previous].sum(axis=-2, dtype=np.int32)
        return sums, self.lag1[groups, previous].astype(np.int32) + self.lag2[groups, before_previous]

    def add(self, group_slice: slice, codes: Ints) -> Ints:
        """Contribution [..., hidden] of the codes [..., groups of the slice] of this frame to the sums."""
        rows = self.current[np.arange(group_slice.start, group_slice.stop), codes]
        total: Ints = rows.sum(axis=-2, dtype=np.int32)
        return total

    def counts(self, group_slice: slice, sums: Ints, scores: Ints) -> NDArray[np.int64]:
        """Rows of counts [..., groups of the slice, entries] from sums [..., hidden], scores [..., groups, entries]."""
        # A clipped ReLU at half the resolution of the embeddings that were summed.
        hidden = np.minimum(np.maximum(sums >> 1, 0), MAX_HIDDEN_VALUE).astype(np.float32)
        # float32 holds these integers exactly, and BLAS multiplies floats many times faster than numpy integers.
        own = (hidden @ self._output_columns[group_slice.start]).astype(np.int32)
        size = (*sums.shape[:-1], group_slice.stop - group_slice.start, self.entries)
        return softmax_counts(scores[..., group_slice, :] + own.reshape(size))

    @cached_property
    def _output_columns(self) -> dict[int, NDArray[np.float32]]:
        """`output` of each set of parallel groups as a matrix [hidden, groups of the set * entries], by first group."""
        return {
            group_slice.start: np.ascontiguousarray(self.output[group_slice].transpose(1, 0, 2))
            .reshape(self.output.shape[1], -1)
            .astype(np.float32)
            for group_slice in self.group_slices()
        }
