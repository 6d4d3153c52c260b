"""The public Stable-Diffusion autoencoder, which the `lrs3` preset (the paper's model of faces) works in.

Weights come from a local folder ($BCD_SD_VAE) or, where that is unset, from the model hub; both through `diffusers`.
Pictures are those of one autoencoder alone: weights files name it by a digest, and with another one nothing is decoded.
"""

import hashlib
import os
from importlib import import_module
from typing import Any

from torch import Tensor, nn

from bcdcodec.errors import MissingExtraError, WeightsError, install_command

#: Factor that gives latents about unit variance (Rombach et al., 2022).
SCALE = 0.18215
HUB_NAME = "stabilityai/sd-vae-ft-mse"


class StableDiffusionVae(nn.Module):
    """The interface of model/vae.py over `diffusers.AutoencoderKL`; encoding takes the posterior's mean."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        # Other public autoencoders have 16 channels or other factors; the denoiser's preset is for this one.
        if network.config.latent_channels != 4 or len(network.config.block_out_channels) != 4:
            raise WeightsError(
                f"autoencoder has {network.config.latent_channels} channels and "
                f"{len(network.config.block_out_channels)} levels, needs 4 and 4 (8x down)"
            )
        self.network = network

    @property
    def digest(self) -> str:
        """SHA-256 of the values of all tensors, 64 hexadecimal digits (spec section 10.8)."""
        # Without names and shapes: releases of diffusers rename modules, and store 1x1 convolutions as matrices.
        tensors = (value.detach().float().cpu().numpy() for value in self.network.state_dict().values())
        parts = sorted(hashlib.sha256(value.astype("<f4").tobytes()).digest() for value in tensors)
        return hashlib.sha256(b"".join(parts)).hexdigest()

    def encode(self, x: Tensor) -> Tensor:
        """x: [B, 3, H, W] in [-1, 1]. Returns [B, 4, H/8, W/8]."""
        latent: Tensor = self.network.encode(x).latent_dist.mean * SCALE
        return latent

    def decode(self, z: Tensor) -> Tensor:
        """z: [B, 4, h, w]. Returns [B, 3, 8h, 8w], nominally in [-1, 1]."""
        frames: Tensor = self.network.decode(z / SCALE).sample
        return frames


def load_sd_vae(source: str | None = None, *, digest: str | None = None) -> StableDiffusionVae:
    """The autoencoder from a folder or a hub name; $BCD_SD_VAE, then HUB_NAME, where none is given.

    digest: of the only one that will do, None for any. MissingExtraError without `diffusers`, WeightsError where the
    location has no autoencoder, or another one.
    """
    try:
        diffusers: Any = import_module("diffusers")
    except ImportError as error:
        raise MissingExtraError(
            f"the stable-diffusion autoencoder needs diffusers: {install_command('diffusers')}"
        ) from error
    location = source or os.environ.get("BCD_SD_VAE", HUB_NAME)
    try:
        network = diffusers.AutoencoderKL.from_pretrained(location, use_safetensors=True)
    except (OSError, ValueError) as error:
        raise WeightsError(f"no autoencoder at {location}; set BCD_SD_VAE to a local folder that holds one") from error
    vae = StableDiffusionVae(network.eval().requires_grad_(False))
    if digest is not None and vae.digest != digest:
        raise WeightsError(
            f"autoencoder at {location} has digest {vae.digest}, the weights need {digest}; set BCD_SD_VAE to the "
            "folder of the autoencoder that they were trained in"
        )
    return vae
