"""Atomic files: whole-file writes, run manifests and content hashes.

A file appears under its own name complete or not at all; a failed write leaves nothing behind.
"""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from bcdcodec.errors import ConfigError, VideoError

#: Suffixes longer than this are no file types, and are not kept in temporary names.
MAX_SUFFIX_BYTES = 32


@contextlib.contextmanager
def open_input(source: str | Path | BinaryIO) -> Iterator[BinaryIO]:
    """Open a file for reading; a file object passes through and stays open. VideoError where there is none."""
    if not isinstance(source, str | Path):
        yield source
        return
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(open(source, "rb"))
        except OSError as error:
            raise VideoError(f"cannot read {source}: {error.strerror}") from error
        yield file


@contextlib.contextmanager
def open_output(target: str | Path | BinaryIO) -> Iterator[BinaryIO]:
    """Open a file for writing that takes its name when the block ends without an error; a file object passes through.

    VideoError where it cannot be created.
    """
    if not isinstance(target, str | Path):
        yield target
        return
    with replacing(Path(target)) as partial:
        try:
            file = partial.open("wb")
        except OSError as error:
            raise VideoError(f"cannot write {target}: {error.strerror}") from error
        with file:
            yield file


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path` that replaces it when the block ends, and is removed if it raises.

    Its suffix is that of `path`, which media and weight writers read; its name is random, so that several processes
    may write the same file. A link stays, and the file that it names is replaced; a device or a FIFO is never replaced
    but written to, from a temporary folder, when the block ends.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        with tempfile.TemporaryDirectory(prefix="bcd-") as folder:
            whole = Path(folder, path.name)
            yield whole
            with whole.open("rb") as source, path.open("wb") as target:
                shutil.copyfileobj(source, target)
        return
    partial = path.with_name(_partial_name(path.name))
    try:
        yield partial
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _partial_name(name: str) -> str:
    """A random name with the suffix of `name`, no longer than names may be."""
    suffix = Path(name).suffix
    suffix = suffix if len(os.fsencode(suffix)) < MAX_SUFFIX_BYTES else ""
    return f".part.{secrets.token_hex(4)}{suffix}"


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside `path` that takes this name when the block ends, and is removed if it raises.

    For one writer: what a killed process left of the same folder is removed first.
    """
    partial = path.with_name(f".part.{path.name}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        partial.rename(path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file, its folder made where it is missing."""
    write_with(path, lambda partial: partial.write_bytes(data))


def write_text(path: Path, text: str) -> None:
    """Write a whole UTF-8 file, its folder made where it is missing."""
    write_bytes(path, text.encode())


def write_with(path: Path, write: Callable[[Path], object]) -> None:
    """Write a whole file by a function that is given the temporary name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        write(partial)


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_run_manifest(path: Path, settings: dict[str, Any]) -> None:
    """Write a run's settings, or check that a resumed run has the same ones.

    ConfigError names the settings that differ: a cache or a checkpoint of another run must not enter this one.
    """
    if not path.exists():
        write_text(path, json.dumps(settings))
        return
    found = json.loads(path.read_text(encoding="utf-8"))
    other = [name for name in settings if found.get(name) != settings[name]]
    if other:
        raise ConfigError(f"{path.parent} began with other {', '.join(other)}; name another folder for this run")
