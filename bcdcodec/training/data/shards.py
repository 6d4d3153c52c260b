"""Arrays of a cache in pieces of bounded size. In: folders shard-00000, shard-00001, ... Out: one array to read from.

A shard appears under its name once it is whole, so what a killed run has finished stays.
"""

import contextlib
import csv
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from bcdcodec.errors import ConfigError

#: Clips of a shard: some 150 MB of films of faces with everything that an anchor learns from.
SHARD_CLIPS = 256
INDEX = "index.csv"


def shard_path(folder: Path, number: int) -> Path:
    """Where a shard is once it is whole."""
    return folder / f"shard-{number:05d}"


def find_shards(folder: Path) -> list[Path]:
    """Those that are whole, in order; one that is missing ends them."""
    found: list[Path] = []
    while shard_path(folder, len(found)).is_dir():
        found.append(shard_path(folder, len(found)))
    return found


class ShardWriter:
    """One shard in the making: arrays are appended, rows of its index kept. Left without an error it is there."""

    def __init__(self, folder: Path, number: int, *, names: Sequence[str], columns: Sequence[str]) -> None:
        self._path = shard_path(folder, number)
        self._partial = folder / f".{self._path.name}.part"
        self._names, self._rows = names, [list[object](columns)]
        self._files: dict[str, BinaryIO] = {}
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        shutil.rmtree(self._partial, ignore_errors=True)  # of a run that was killed
        self._partial.mkdir(parents=True)
        self._files = {name: self._open.enter_context((self._partial / name).open("wb")) for name in self._names}
        return self

    def append(self, arrays: dict[str, NDArray[Any]], row: Sequence[object]) -> None:
        """Arrays of one clip by the names of their files, and what the index says of it."""
        for name, file in self._files.items():
            file.write(np.ascontiguousarray(arrays[name]).tobytes())
        self._rows.append([*row])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()
        if kind is not None:
            shutil.rmtree(self._partial, ignore_errors=True)
            return
        with (self._partial / INDEX).open("w", newline="") as file:
            csv.writer(file).writerows(self._rows)
        self._partial.rename(self._path)


def read_rows(shard: Path) -> Iterator[dict[str, str]]:
    """Rows of the index of a shard, by column."""
    with (shard / INDEX).open(newline="") as file:
        yield from csv.DictReader(file)


class ShardedArray:
    """The arrays of one name, one after another, as if they were one of [N, *shape]; on disk until rows are taken.

    ConfigError where a file is missing or no whole number of rows.
    """

    def __init__(self, shards: Sequence[Path], name: str, kind: Any, shape: tuple[int, ...]) -> None:
        self._parts = [_view(shard / name, kind, shape) for shard in shards]
        #: Rows before each shard, and in all.
        self._starts = np.cumsum([0, *(len(part) for part in self._parts)])
        self._dtype, self._shape = np.dtype(kind), shape

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self), *self._shape)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """Rows by a number, a slice or numbers, from 0 on; a copy."""
        if isinstance(index, slice):
            index = np.arange(*index.indices(len(self)))
        rows = np.asarray(index)
        if rows.size and rows.dtype.kind not in "iu":
            raise IndexError(f"rows are {rows.dtype}, need whole numbers")
        rows = rows.astype(np.intp)
        if rows.size and not (rows.min() >= 0 and rows.max() < len(self)):
            raise IndexError(f"rows {rows.min()} to {rows.max()} of {len(self)}")
        found = np.empty((*rows.shape, *self._shape), self._dtype)
        at = np.searchsorted(self._starts, rows, side="right") - 1
        for number in np.unique(at):  # rows of one clip are of one shard
            found[at == number] = self._parts[number][rows[at == number] - self._starts[number]]
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        whole = self[:]
        return whole if dtype is None else whole.astype(dtype)


def _view(path: Path, kind: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    try:
        view: NDArray[Any] = np.memmap(path, kind, "r").reshape(-1, *shape)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is not an array of {shape}; delete its folder and start again") from error
    return view
