"""Loading and saving of a model's networks as weights files.

Only safetensors is read, and the names and shapes of the tensors must match exactly; names of former releases are
translated in `weightfile.read_tensors`, so that shipped files keep their bytes and their id.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from bcdcodec.config import PUBLIC_AUTOENCODER, ModelConfig
from bcdcodec.errors import WeightsError
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.sd_vae import StableDiffusionVae, load_sd_vae
from bcdcodec.model.tensors import halved, in_eight_bits, save_tensors, widened
from bcdcodec.model.vae import Vae
from bcdcodec.weightfile import WeightsFile, read_tensors

#: Tensor of 16 bits in files of 8, too: codes are its nearest rows.
CODEBOOK = "quantizer.codebook"


@dataclass(frozen=True, slots=True)
class Networks:
    """The networks of a model: the diffusion autoencoder, and the image autoencoder (None: RGB is diffused itself)."""

    bcd: Bcd
    vae: Vae | StableDiffusionVae | None


def load_networks(weights: WeightsFile, device: torch.device) -> Networks:
    """Build the networks of a weights file in evaluation mode, float32; WeightsError on any missing, extra or misshaped
    tensor, and for a public autoencoder that is not the one that the weights name.
    """
    config = weights.config
    bcd = Bcd(config)
    _fill(bcd, "bcd.", weights.path)
    vae: Vae | StableDiffusionVae | None = None
    if config.vae is not None:
        vae = Vae(config.vae)
        _fill(vae, "vae.", weights.path)
    elif config.autoencoder == PUBLIC_AUTOENCODER:
        if config.autoencoder_digest is None:
            raise WeightsError(f"{weights.path} does not say which autoencoder it needs; export it again")
        vae = load_sd_vae(digest=config.autoencoder_digest)
    # Inference alone: no gradients, batch norms use their running moments.
    if vae is not None:
        vae = vae.eval().requires_grad_(False).to(device)
    return Networks(bcd.eval().requires_grad_(False).to(device), vae)


def save_networks(
    path: Path, networks: Networks, *, config: ModelConfig, tables: dict[str, Tensor], eight_bits: bool = False
) -> None:
    """Write a weights file: floats as float16 or matrices in 8 bits, tables as int32, the configuration as metadata.

    tables: entropy-coding tables by their names after `tables.`.
    """
    # The public autoencoder is loaded from its own source, so only ours is part of the file; its digest is, and with it
    # of the model's id.
    if isinstance(networks.vae, StableDiffusionVae):
        config = replace(config, autoencoder_digest=networks.vae.digest)
    tensors = {f"bcd.{name}": value for name, value in _stored(networks.bcd, eight_bits=eight_bits).items()}
    if isinstance(networks.vae, Vae):
        tensors |= {f"vae.{name}": value for name, value in _stored(networks.vae, eight_bits=eight_bits).items()}
    integers = {f"tables.{name}": value.to(torch.int32) for name, value in tables.items()}
    save_tensors(path, {**tensors, **integers}, metadata={"config": config.to_json()})


def round_networks(networks: Networks, *, eight_bits: bool = False) -> None:
    """Round the numbers of networks in place to those that `save_networks` writes; of a public autoencoder none."""
    for module in (networks.bcd, networks.vae):
        if isinstance(module, Bcd | Vae):
            module.load_state_dict(widened(_stored(module, eight_bits=eight_bits)))


def _stored(module: torch.nn.Module, *, eight_bits: bool) -> dict[str, Tensor]:
    state: dict[str, Tensor] = module.state_dict()
    if not eight_bits:
        return halved(state)
    fine = {name: value for name, value in state.items() if name == CODEBOOK}
    return halved(fine) | in_eight_bits({name: value for name, value in state.items() if name not in fine})


def _fill(module: torch.nn.Module, prefix: str, path: Path) -> None:
    try:
        module.load_state_dict(widened(read_tensors(path, prefix=prefix, framework="pt")))
    except RuntimeError as error:
        # torch lists every tensor that differs; the first line says enough.
        raise WeightsError(
            f"{path} does not fit its own configuration, or is of an earlier release: {str(error).splitlines()[0]}"
        ) from error
