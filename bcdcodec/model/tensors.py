"""Writing of safetensors files; half and single precision of named tensors."""

import os
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from bcdcodec.atomic import replacing
from bcdcodec.errors import WeightsError


def save_tensors(path: Path, tensors: dict[str, Tensor], *, metadata: dict[str, str] | None = None) -> None:
    """Write a whole safetensors file, with the permissions that the umask allows."""
    with replacing(path) as partial:
        save_file({name: value.contiguous().cpu() for name, value in tensors.items()}, partial, metadata=metadata)
        partial.chmod(0o666 & ~_umask())  # the library writes files that only their owner reads


def halved(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Floating-point tensors as float16, others unchanged. WeightsError for numbers that float16 does not hold."""
    rounded = {name: value.half() if value.is_floating_point() else value for name, value in tensors.items()}
    for name, value in rounded.items():
        if not value.isfinite().all():
            raise WeightsError(f"{name} has numbers up to {tensors[name].abs().max():g}, float16 holds up to 65504")
    return rounded


def widened(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Floating-point tensors as float32, others unchanged."""
    return {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}


def _umask() -> int:
    mask = os.umask(0)  # the only way to read it is to set it
    os.umask(mask)
    return mask
