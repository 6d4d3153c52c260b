"""Both ends of a job on a stream. In: paths or file objects. Out: open files; what is written is whole or not there."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from bcdcodec.errors import VideoError


@contextlib.contextmanager
def open_input(source: str | Path | BinaryIO) -> Iterator[BinaryIO]:
    """A file to read; one that is open already is left open. VideoError where there is none."""
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
    """A file under a temporary name that gets its own when all went well, and vanishes when not."""
    if not isinstance(target, str | Path):
        yield target
        return
    final = Path(target)
    partial = final.with_name(f".{final.name}.{secrets.token_hex(4)}.part")
    try:
        file = partial.open("wb")
    except OSError as error:
        raise VideoError(f"cannot write {target}: {error.strerror}") from error
    try:
        with file:
            yield file
        os.replace(partial, final)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
