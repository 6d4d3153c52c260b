"""Sharded arrays of a clip cache: written in folders of bounded size, read as one array.

A shard appears under its name once it is complete, so a killed run keeps its finished shards.
"""

import contextlib
import csv
import errno
import math
import threading
from collections import OrderedDict
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
#: Shards of an array that are open at a time, each with a file handle of its own; a process has 1024 by default, and a
#: cache up to five arrays.
MAX_OPEN_SHARDS = 64


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

    Files are opened when rows of them are asked for, and MAX_OPEN_SHARDS stay open. Threads may share it.
    ConfigError where a file is missing, does not hold a whole number of rows, or cannot be read.
    """

    def __init__(self, shards: Sequence[Path], name: str, kind: Any, shape: tuple[int, ...]) -> None:
        self._dtype, self._shape = np.dtype(kind), shape
        self._paths = [shard / name for shard in shards]
        #: Rows before each shard, and the total.
        self._starts = np.cumsum([0, *map(self._count_rows, self._paths)])
        self._open: OrderedDict[int, NDArray[Any]] = OrderedDict()  # the last used one is the last
        self._lock = threading.Lock()

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
            values[own] = self._rows_of(int(shard))[rows[own] - self._starts[shard]]
        return values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        whole = self[:]
        return whole if dtype is None else whole.astype(dtype)

    def _count_rows(self, path: Path) -> int:
        row_bytes = self._dtype.itemsize * math.prod(self._shape)
        with _named_errors(path):
            size = path.stat().st_size
        if size % row_bytes:
            raise ConfigError(
                f"{path} has {size} bytes, which are no whole rows of {self._dtype} {self._shape}, {row_bytes} bytes "
                "each; delete the folder of the cache and start again"
            )
        return size // row_bytes

    def _rows_of(self, shard: int) -> NDArray[Any]:
        """The array of one shard, opened if it is not open."""
        with self._lock:
            if shard in self._open:
                self._open.move_to_end(shard)
                return self._open[shard]
            if len(self._open) == MAX_OPEN_SHARDS:
                self._open.popitem(last=False)
            count = int(self._starts[shard + 1] - self._starts[shard])
            with _named_errors(self._paths[shard]):
                rows = np.memmap(self._paths[shard], self._dtype, "r", shape=(count, *self._shape))
            self._open[shard] = rows
            return rows


@contextlib.contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    """Raise ConfigError that says what is wrong with a file of a shard, and what helps."""
    try:
        yield
    except FileNotFoundError as error:
        raise ConfigError(f"{path} is missing; delete the folder of the cache and start again") from error
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise ConfigError(f"{path} cannot be opened, too many files are; raise the limit of open files") from error
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # shorter than it was
        raise ConfigError(f"{path} changed while it was in use: {error}") from error
