"""How probable every code is, given the codes before it (spec section 6.5). In: codes. Out: counts for the range coder.

    codes of this frame, earlier waves -> rows of `now`    \\
    codes of the frame before          -> rows of `before`  > sum -> halve, clip to 0..127 = hidden [H]
    code of the group, one frame and two frames before -> rows of `same`, `same2` + hidden @ `out` = scores [E]
                                                                       -> softmax.py -> counts [E]

Everything is an integer. Sums of products stay below 2**24, where float32 is exact too: whatever the order of
additions, the threads and the matrix library, the scores are the same.
"""

from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from bcdcodec.entropy.softmax import softmax_counts
from bcdcodec.entropy.tables import Rows
from bcdcodec.errors import WeightsError

#: Groups that are decoded together, each without knowing the codes of the others. Four took 2% more bits and half the
#: time.
WAVE = 2
MAX_GROUPS, MAX_ENTRIES = 255, 256
#: Hidden numbers run from 0 to 127 and weights from -128 to 127, so that so many products stay below 2**24.
TOP, MAX_HIDDEN = 127, 1024
TENSORS = {"now": np.int8, "before": np.int8, "same": np.int16, "same2": np.int16, "out": np.int8}
PREFIX = "context."

Ints = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictor:
    """The tensors of one model. now: int8 [groups, entries, hidden]; before: int8 [groups, entries + 1, hidden]; same,
    same2: int16 [groups, entries + 1, entries]; out: int8 [groups, hidden, entries]. The row after the last entry is
    that of a frame that is not there.
    """

    now: NDArray[np.int8]
    before: NDArray[np.int8]
    same: NDArray[np.int16]
    same2: NDArray[np.int16]
    out: NDArray[np.int8]

    def __post_init__(self) -> None:
        for field in fields(self):
            tensor = getattr(self, field.name)
            if tensor.dtype != TENSORS[field.name] or tensor.ndim != 3:
                raise WeightsError(
                    f"{PREFIX}{field.name} is {tensor.dtype} {tensor.shape}, needs {TENSORS[field.name].__name__} "
                    "and three dimensions"
                )
        groups, entries, hidden = self.now.shape
        if not (1 <= groups <= MAX_GROUPS and 2 <= entries <= MAX_ENTRIES and 1 <= hidden <= MAX_HIDDEN):
            raise WeightsError(
                f"{PREFIX}now is {self.now.shape}, allowed are {MAX_GROUPS} groups, {MAX_ENTRIES} entries and "
                f"{MAX_HIDDEN} hidden numbers"
            )
        for name, needed in (
            ("before", (groups, entries + 1, hidden)),
            ("same", (groups, entries + 1, entries)),
            ("same2", (groups, entries + 1, entries)),
            ("out", (groups, hidden, entries)),
        ):
            if getattr(self, name).shape != needed:
                raise WeightsError(f"{PREFIX}{name} is {getattr(self, name).shape}, needs {needed}")

    @classmethod
    def from_file(cls, path: Path | str) -> Self | None:
        """Read the tensors of a safetensors file, and nothing else of it; None where it has none of them."""
        try:
            with safe_open(str(path), framework="numpy") as file:
                names = [name for name in TENSORS if PREFIX + name in file.keys()]  # noqa: SIM118 - no mapping
                if not names:
                    return None
                if len(names) < len(TENSORS):
                    raise WeightsError(f"{path} has only {names} of the tensors {PREFIX}*")
                return cls(**{name: file.get_tensor(PREFIX + name) for name in names})
        except (OSError, SafetensorError) as error:
            raise WeightsError(f"cannot read tables from {path}: {error}") from error

    @classmethod
    def of_table(cls, path: Path | str, table: Rows) -> Self | None:
        """The same, for the codes that the table [groups, entries] is for; WeightsError if it is for others."""
        found = cls.from_file(path)
        if found is not None and (found.groups, found.entries) != table.shape:
            raise WeightsError(f"{path}: context model is for {found.groups}x{found.entries}, the table {table.shape}")
        return found

    def tensors(self) -> dict[str, NDArray[Any]]:
        """By the names that they have in a weights file."""
        return {PREFIX + name: getattr(self, name) for name in TENSORS}

    @property
    def groups(self) -> int:
        return int(self.now.shape[0])

    @property
    def entries(self) -> int:
        return int(self.now.shape[1])

    def first(self, groups: int) -> "Predictor":
        """That of streams which carry the first so many groups alone: the others say nothing of them."""
        return Predictor(**{name: getattr(self, name)[:groups] for name in TENSORS})

    def waves(self) -> list[slice]:
        """The groups of each wave, in the order of decoding."""
        return [slice(start, min(start + WAVE, self.groups)) for start in range(0, self.groups, WAVE)]

    def history(self, before: Ints, before2: Ints) -> tuple[Ints, Ints]:
        """What is known of frames before their own codes are: codes of the one and the two frames before [..., groups],
        `entries` where there is none. Returns sums [..., hidden] for `counts` and scores [..., groups, entries].
        """
        groups = np.arange(self.groups)
        sums = self.before[groups, before].sum(axis=-2, dtype=np.int32)
        return sums, self.same[groups, before].astype(np.int32) + self.same2[groups, before2]

    def add(self, wave: slice, codes: Ints) -> Ints:
        """What the codes [..., groups of the wave] add to the sums: [..., hidden]."""
        rows = self.now[np.arange(wave.start, wave.stop), codes]
        total: Ints = rows.sum(axis=-2, dtype=np.int32)
        return total

    def counts(self, wave: slice, sums: Ints, scores: Ints) -> NDArray[np.int64]:
        """Counts [..., groups of the wave, entries], of sums [..., hidden] and scores [..., groups, entries]."""
        hidden = np.minimum(np.maximum(sums >> 1, 0), TOP).astype(np.float32)
        own = (hidden @ self._columns[wave.start]).astype(np.int32)
        size = (*sums.shape[:-1], wave.stop - wave.start, self.entries)
        return softmax_counts(scores[..., wave, :] + own.reshape(size))

    @cached_property
    def _columns(self) -> dict[int, NDArray[np.float32]]:
        """`out` of each wave as a matrix [hidden, groups of the wave * entries], exact in float32."""
        return {
            wave.start: np.ascontiguousarray(self.out[wave].transpose(1, 0, 2))
            .reshape(self.out.shape[1], -1)
            .astype(np.float32)
            for wave in self.waves()
        }
