"""Writing of safetensors files; 8-bit, half and single precision of named tensors."""

import os
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from bcdcodec.atomic import replacing
from bcdcodec.errors import WeightsError

#: What is behind the name of an 8-bit tensor in that of the steps of its rows.
ROW_STEPS = ".row_steps"


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


def in_eight_bits(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Floating-point tensors of two dimensions or more as int8, with a step for each row; others as of `halved`."""
    written = dict[str, Tensor]()
    for name, value in tensors.items():
        if not value.is_floating_point() or value.ndim < 2:
            written |= halved({name: value})
            continue
        steps = (value.flatten(1).abs().amax(1) / 127).clamp(min=torch.finfo(torch.float32).tiny)
        written[name] = (value / _of_rows(steps, value)).round().to(torch.int8)
        written[name + ROW_STEPS] = steps.float()
    return written


def widened(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Floating-point tensors and those of `in_eight_bits` as float32, others unchanged."""
    wide = dict[str, Tensor]()
    for name, value in tensors.items():
        if name.endswith(ROW_STEPS):
            continue
        steps = tensors.get(name + ROW_STEPS)
        if steps is not None:
            wide[name] = value.float() * _of_rows(steps, value)
        else:
            wide[name] = value.float() if value.is_floating_point() else value
    return wide


def _of_rows(steps: Tensor, value: Tensor) -> Tensor:
    """Steps [N] in a shape that goes with value [N, ...]."""
    return steps.view(-1, *[1] * (value.ndim - 1))


def _umask() -> int:
    mask = os.umask(0)  # the only way to read it is to set it
    os.umask(mask)
    return mask
