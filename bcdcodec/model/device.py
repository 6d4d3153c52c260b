"""Choice of the torch device that networks run on."""

import contextlib
import os
from collections.abc import Iterator

import torch

from bcdcodec.errors import ConfigError

DEVICES = ("auto", "cpu", "cuda", "mps")
#: Devices that compute in bfloat16 where that does not show.
HALVED = {"cuda"}

# A fork copies the state of OpenMP's threads, but not the threads: the next parallel loop would wait for them for ever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


def choose_device(name: str) -> torch.device:
    """The device of a name; `auto` takes cuda, then mps, then cpu. ConfigError for a device that is not present."""
    if name not in DEVICES:
        raise ConfigError(f"device is {name!r}, allowed are {', '.join(DEVICES)}")
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    # A named device that is absent is an error, not a silent fall-back to a much slower one.
    if name == "auto":
        name = next(device for device in ("cuda", "mps", "cpu") if present[device])
    if not present[name]:
        raise ConfigError(f"device {name} is not available on this machine")
    return torch.device(name)


@contextlib.contextmanager
def tf32(on: bool) -> Iterator[None]:
    """Compute float32 matrix products and convolutions on CUDA in TF32, or in full, until the block ends.

    TF32 has the range of float32 and 10 bits of mantissa, and tensor cores. Settings are those of the whole process.
    """
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = on
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before


def without_autocast(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """A block that computes in the precision of its tensors, on `meta` too, which has no autocast."""
    on = torch.amp.is_autocast_available(device.type)
    return torch.autocast(device.type, enabled=False) if on else contextlib.nullcontext()


def half_precision(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """A block whose convolutions and matrix products are in bfloat16 on CUDA, and as without it elsewhere: processors
    without such instructions take eight times as long.
    """
    return torch.autocast(device.type, torch.bfloat16) if device.type in HALVED else contextlib.nullcontext()


@contextlib.contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Compute in float32 until the block ends, without autocast and without TF32."""
    with without_autocast(device), tf32(False) if device.type == "cuda" else contextlib.nullcontext():
        yield
