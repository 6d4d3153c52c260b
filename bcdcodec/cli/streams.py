"""Files, pipes and `-`: checks of inputs and outputs before the work, and reports after it."""

import argparse
import contextlib
import io
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from bcdcodec.atomic import open_input
from bcdcodec.errors import BitstreamError, ConfigError
from bcdcodec.weightfile import is_path

STANDARD = "-"


def check_target(target: str, *, sources: tuple[str, ...], force: bool) -> Path | BinaryIO:
    """Return the output. ConfigError for an existing file without `force`, one of the sources, a missing folder, or one
    that cannot be written into.

    Devices and FIFOs are written to, and links followed; a link to nothing needs `force` as well.
    """
    if target == STANDARD:
        if sys.stdout.isatty():
            raise ConfigError("standard output is a terminal; send it to a file or a pipe")
        return sys.stdout.buffer
    path = Path(target)
    if path.is_dir():
        raise ConfigError(f"{path} is a folder, needs a file name")
    if not path.parent.is_dir():
        raise ConfigError(f"folder {path.parent} does not exist")
    if path.is_symlink() and not path.exists() and not force:
        raise ConfigError(f"{path} is a link to {os.path.realpath(path)}, which does not exist; -f writes that")
    if path.exists() and not path.is_file():
        return path  # a device or a FIFO, of which nothing is replaced
    folder = Path(os.path.realpath(path)).parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"folder {folder} cannot be written into")
    if path.exists():
        if any(source != STANDARD and Path(source).exists() and path.samefile(source) for source in sources):
            raise ConfigError(f"{path} is input and output at once")
        if not force:
            raise ConfigError(f"{path} exists; -f replaces it")
    return path


def check_file(target: str, *, what: str, force: bool) -> Path:
    """`check_target` for an output that must be a file. what: its name in errors, such as "a weights file"."""
    if target == STANDARD:
        raise ConfigError(f"{what} is written to a path, - is not possible")
    path = check_target(target, sources=(), force=force)
    assert isinstance(path, Path), "only - gives a file object"
    return path


def check_folder(target: Path, *, force: bool) -> None:
    """ConfigError for a folder that is not empty, without `force`."""
    if target.is_dir() and any(target.iterdir()) and not force:
        raise ConfigError(f"{target} is not empty, use --force to write into it")


def check_clips(folder: Path) -> None:
    """ConfigError where there is no such folder of clips."""
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder of clips")


def print_report(options: argparse.Namespace, text: str) -> None:
    """Print a report after the name of `options.target`, on stderr where that is standard output, unless --quiet."""
    to_stdout = options.target == STANDARD
    if not options.quiet:
        print(f"{'<stdout>' if to_stdout else options.target}: {text}", file=sys.stderr if to_stdout else sys.stdout)


def weights_name(path: Path) -> str:
    """A weights file as --weights takes it for a path, whatever its name."""
    return str(path if is_path(path) else Path(os.curdir).absolute() / path)


def print_next(options: argparse.Namespace, *command: object) -> None:
    """Say on stderr which command goes on from here, unless --quiet. command: its words, those that are None left out.

    Words in capitals stand for what the caller cannot know.
    """
    if not options.quiet:
        words = shlex.join(str(word) for word in command if word is not None)
        print(f"next: {words}", file=sys.stderr)


@contextlib.contextmanager
def source_path(source: str) -> Iterator[Path]:
    """Yield a path that can be read more than once; standard input is copied to a temporary file first."""
    if source != STANDARD:
        yield Path(source)
        return
    with tempfile.TemporaryDirectory(prefix="bcd-") as folder:
        path = Path(folder, "stdin")
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield path


@contextlib.contextmanager
def open_stream(source: str, *, hint: str = "") -> Iterator[BinaryIO]:
    """Open a `.bcd` stream to be read once, from a file or from standard input as it arrives. Raises VideoError.

    Damage that is found in the block is raised with the name of the file. hint: what may help, after the message.
    """
    with open_input(sys.stdin.buffer if source == STANDARD else source) as file:
        try:
            yield file
        except BitstreamError as error:
            raise BitstreamError(f"{'<stdin>' if source == STANDARD else source}: {error}{hint}") from error


def size_of(file: BinaryIO) -> int | None:
    """Bytes of a regular file, None for a pipe."""
    if not file.seekable():
        return None
    here = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(here)
    return size


class HeadReplay:
    """Pipe whose first bytes can be read twice: the header names the weights before the decoder reads it."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._head = bytearray()
        self._replayed: io.BytesIO | None = None

    def read(self, size: int, /) -> bytes:
        """Read up to `size` bytes."""
        if self._replayed is not None:
            return self._replayed.read(size) or self._source.read(size)
        data = self._source.read(size)
        self._head += data
        return data

    def rewind(self) -> BinaryIO:
        """Go back to the first byte; bytes read after these are not kept."""
        self._replayed = io.BytesIO(bytes(self._head))
        return cast(BinaryIO, self)  # a stream is only ever read from
