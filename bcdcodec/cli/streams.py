"""Files, pipes and `-`. In: names from the command line. Out: paths and file objects for codec/.

Everything that would make a command fail at its end is checked here at its start.
"""

import contextlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from bcdcodec.errors import ConfigError, VideoError

STANDARD = "-"


def check_target(target: str, *, sources: tuple[str, ...], force: bool) -> Path | BinaryIO:
    """Where to write. Refuses an existing file without `force`, one of the sources, and a folder that is not there."""
    if target == STANDARD:
        if sys.stdout.isatty():
            raise ConfigError("standard output is a terminal; send it to a file or a pipe")
        return sys.stdout.buffer
    path = Path(target)
    if path.is_dir():
        raise ConfigError(f"{path} is a folder, needs a file name")
    if not path.parent.is_dir():
        raise ConfigError(f"folder {path.parent} does not exist")
    if path.exists():
        if any(source != STANDARD and Path(source).exists() and path.samefile(source) for source in sources):
            raise ConfigError(f"{path} is input and output at once")
        if not force:
            raise ConfigError(f"{path} exists; -f replaces it")
    return path


def check_file(target: str, *, what: str, force: bool) -> Path:
    """`check_target` for what can only be a file, such as "a weights file"."""
    if target == STANDARD:
        raise ConfigError(f"{what} is written to a path, - is not possible")
    path = check_target(target, sources=(), force=force)
    assert isinstance(path, Path), "only - gives a file object"
    return path


def check_folder(target: Path, *, force: bool) -> None:
    """Refuse to write among what a folder holds already, without `force`."""
    if target.is_dir() and any(target.iterdir()) and not force:
        raise ConfigError(f"{target} is not empty, use --force to write into it")


def check_clips(folder: Path) -> None:
    """ConfigError where there is no such folder of clips."""
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder of clips")


@contextlib.contextmanager
def source_path(source: str) -> Iterator[Path]:
    """A path that can be read more than once; standard input is copied to a temporary file first."""
    if source != STANDARD:
        yield Path(source)
        return
    with tempfile.TemporaryDirectory(prefix="bcd-") as folder:
        path = Path(folder, "stdin")
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield path


@contextlib.contextmanager
def open_stream(source: str) -> Iterator[BinaryIO]:
    """A `.bcd` stream to be read once, from a file or from standard input as it arrives."""
    if source == STANDARD:
        yield sys.stdin.buffer
        return
    try:
        file = open(source, "rb")  # noqa: SIM115 - only opening may fail here, the caller reads inside `with file`
    except OSError as error:
        raise VideoError(f"cannot read {source}: {error.strerror}") from error
    with file:
        yield file


def size_of(file: BinaryIO) -> int | None:
    """Bytes of a regular file, None for a pipe."""
    if not file.seekable():
        return None
    here = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(here)
    return size


class HeadReplay:
    """A pipe whose first bytes can be read twice: the header names the weights before the decoder reads it."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._head = bytearray()
        self._replayed: io.BytesIO | None = None

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes."""
        if self._replayed is not None:
            return self._replayed.read(size) or self._source.read(size)
        data = self._source.read(size)
        self._head += data
        return data

    def rewind(self) -> BinaryIO:
        """From here on the bytes come again from the first one; nothing more is kept."""
        self._replayed = io.BytesIO(bytes(self._head))
        return cast(BinaryIO, self)  # a stream is only ever read from
