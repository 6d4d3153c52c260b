"""Tensors to a safetensors file. In: named tensors. Out: a file that is there completely or not at all."""

import os
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor


def save_tensors(path: Path, tensors: dict[str, Tensor], *, metadata: dict[str, str] | None = None) -> None:
    """Write beside `path` and rename: a process that is killed leaves what was there before."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        save_file({name: value.contiguous().cpu() for name, value in tensors.items()}, partial, metadata=metadata)
        partial.chmod(0o666 & ~_umask())  # the library writes files that only their owner reads
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def halved(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Floats as float16, everything else as it is."""
    return {name: value.half() if value.is_floating_point() else value for name, value in tensors.items()}


def widened(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Floats as float32, everything else as it is."""
    return {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}


def _umask() -> int:
    found = os.umask(0)
    os.umask(found)
    return found
