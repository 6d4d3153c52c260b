"""Trained models to and from weights files. In: a WeightsFile. Out: modules in evaluation mode, float32, for codec/.

Only safetensors is read, names must match exactly, and the file's hash has been taken by weightfile.py before.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from bcdcodec.config import ModelConfig
from bcdcodec.errors import WeightsError
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.sd_vae import StableDiffusionVae, load_sd_vae
from bcdcodec.model.tensors import halved, save_tensors, widened
from bcdcodec.model.vae import Vae
from bcdcodec.weightfile import WeightsFile


@dataclass(frozen=True, slots=True)
class Networks:
    """What decoding needs: the diffusion autoencoder and the image autoencoder (None: RGB is diffused itself)."""

    bcd: Bcd
    vae: Vae | StableDiffusionVae | None


def load_networks(weights: WeightsFile, device: torch.device) -> Networks:
    """Build the model of a weights file and fill it; WeightsError on any missing, extra or misshaped tensor."""
    try:
        tensors = load_file(weights.path)
    except SafetensorError as error:
        raise WeightsError(f"{weights.path} is damaged: {error}") from error
    config = weights.config
    bcd = Bcd(config)
    _fill(bcd, tensors, "bcd.", weights.path)
    vae: Vae | StableDiffusionVae | None = None
    if config.vae is not None:
        vae = Vae(config.vae)
        _fill(vae, tensors, "vae.", weights.path)
    elif config.autoencoder == "stable-diffusion":
        vae = load_sd_vae()
    if vae is not None:
        vae = vae.eval().requires_grad_(False).to(device)
    return Networks(bcd.eval().requires_grad_(False).to(device), vae)


def save_networks(path: Path, networks: Networks, *, config: ModelConfig, tables: dict[str, Tensor]) -> None:
    """Write a weights file: floats as float16, tables as int32, the configuration as metadata."""
    tensors = {f"bcd.{name}": value for name, value in networks.bcd.state_dict().items()}
    if isinstance(networks.vae, Vae):
        tensors |= {f"vae.{name}": value for name, value in networks.vae.state_dict().items()}
    integers = {f"tables.{name}": value.to(torch.int32) for name, value in tables.items()}
    save_tensors(path, {**halved(tensors), **integers}, metadata={"config": config.to_json()})


def _fill(module: torch.nn.Module, tensors: dict[str, Tensor], prefix: str, path: Path) -> None:
    part = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    try:
        module.load_state_dict(widened(part))
    except RuntimeError as error:
        raise WeightsError(f"{path} does not fit its own configuration: {str(error).splitlines()[0]}") from error
