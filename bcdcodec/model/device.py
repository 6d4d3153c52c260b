"""Choice of the torch device that networks run on."""

import torch

from bcdcodec.errors import ConfigError

DEVICES = ("auto", "cpu", "cuda", "mps")


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
