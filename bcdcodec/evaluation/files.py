"""Files of results. In: bytes, or something that writes them. Out: files that are there completely or not at all."""

import hashlib
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any


def write_whole(path: Path, data: bytes) -> None:
    """Makes the folder where it is missing; replaces the file."""
    write_whole_by(path, lambda partial: partial.write_bytes(data))


def write_whole_by(path: Path, write: Callable[[Path], object]) -> None:
    """The same, where something else does the writing; the name it is given ends as the file's does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Random, so that several processes may write the same file.
    partial = path.with_name(f".part.{secrets.token_hex(4)}.{path.name}")
    try:
        write(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def file_hash(path: Path) -> str:
    """SHA-256 of what it holds, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def kept_json(path: Path, make: Callable[[], Any]) -> Any:
    """What a file of JSON holds; where there is none, what `make` returns is written there first."""
    if not path.exists():
        write_whole(path, json.dumps(make()).encode())
    return json.loads(path.read_text(encoding="utf-8"))
