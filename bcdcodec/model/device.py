"""Where networks run. In: a name. Out: a torch device that is there."""

import torch

from bcdcodec.errors import ConfigError

DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(name: str) -> torch.device:
    """`auto` takes cuda, then mps, then cpu; a device that is asked for and absent raises ConfigError."""
    if name not in DEVICES:
        raise ConfigError(f"device is {name!r}, allowed are {', '.join(DEVICES)}")
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(device for device in ("cuda", "mps", "cpu") if present[device])
    if not present[name]:
        raise ConfigError(f"device {name} is not available on this machine")
    return torch.device(name)
