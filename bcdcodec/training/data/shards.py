"""Sharded arrays of a clip cache: written in folders of bounded size, read as one array.

A shard appears under its name once it is complete, so a killed run keeps its finished shards.
"""

import contextlib
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from bcdcodec.atomic import new_folder
from bcdcodec.errors import ConfigError

#: Clips of a shard: about 150 MB for clips of faces with all arrays that a warping model is trained on.
SHARD_CLIPS = 256
INDEX = "index.csv"


def shard_path(folder: Path, index: int) -> Path:
    """The folder of a complete shard."""
    return folder / f"shard-{index:05d}"


def find_shards(folder: Path) -> list[Path]:
    """Complete shards in order, up to the first missing one."""
    shards: list[Path] = []
    while shard_path(folder, len(shards)).is_dir():
        shards.append(shard_path(folder, len(shards)))
    return shards


class ShardWriter:
    """Writes one shard: arrays are appended clip by clip, rows of the index collected.

    The shard appears under its name when the context ends; one that ends in an error leaves nothing.
    """

    def __init__(self, folder: Path, index: int, *, names: Sequence[str], columns: Sequence[str]) -> None:
        self._path = shard_path(folder, index)
        self._names, self._rows = names, [list[object](columns)]
        self._files: dict[str, BinaryIO] = {}
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        partial = self._open.enter_context(new_folder(self._path))
        self._open.callback(self._write_index, partial / INDEX)
        self._files = {name: self._open.enter_context((partial / name).open("wb")) for name in self._names}
        return self

    def append(self, arrays: dict[str, NDArray[Any]], row: Sequence[object]) -> None:
        """Add the arrays of one clip, by the names of their files, and its row of the index."""
        for name, file in self._files.items():
            file.write(np.ascontiguousarray(arrays[name]).tobytes())
        self._rows.append([*row])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, traceback)

    def _write_index(self, path: Path) -> None:
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(self._rows)


def read_rows(shard: Path) -> Iterator[dict[str, str]]:
    """Rows of a shard's index, by column."""
    with (shard / INDEX).open(newline="") as file:
        yield from csv.DictReader(file)


class ShardedArray:
    """Read-only array [N, *shape] that is concatenated from a file of every shard; rows stay on disk until indexed.

    ConfigError where a file is missing or does not hold a whole number of rows.
    """

    def __init__(self, shards: Sequence[Path], name: str, kind: Any, shape: tuple[int, ...]) -> None:
        self._parts = [_view(shard / name, kind, shape) for shard in shards]
        #: Rows before each shard, and the total.
        self._starts = np.cumsum([0, *(len(part) for part in self._parts)])
        self._dtype, self._shape = np.dtype(kind), shape

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, *shape)."""
        return (len(self), *self._shape)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """A copy of rows, by an integer, a slice or an array of integers from 0 on."""
        if isinstance(index, slice):
            index = np.arange(*index.indices(len(self)))
        rows = np.asarray(index)
        if rows.size and rows.dtype.kind not in "iu":
            raise IndexError(f"rows are {rows.dtype}, need whole numbers")
        rows = rows.astype(np.intp)
        if rows.size and not (rows.min() >= 0 and rows.max() < len(self)):
            raise IndexError(f"rows {rows.min()} to {rows.max()} of {len(self)}")
        values = np.empty((*rows.shape, *self._shape), self._dtype)
        shard_of_row = np.searchsorted(self._starts, rows, side="right") - 1
        for shard in np.unique(shard_of_row):  # one read per shard: rows of a clip lie in the same one
            own = shard_of_row == shard
            values[own] = self._parts[shard][rows[own] - self._starts[shard]]
        return values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        whole = self[:]
        return whole if dtype is None else whole.astype(dtype)


def _view(path: Path, kind: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    try:
        view: NDArray[Any] = np.memmap(path, kind, "r").reshape(-1, *shape)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is not an array of {shape}; delete its folder and start again") from error
    return view
