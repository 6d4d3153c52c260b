"""Training of the small image autoencoder on crops of clips.

Loss: L1 and L2 on pixels, L1 on gradients at two scales. Latents get noise before decoding, so that the decoder
tolerates errors of the denoiser; every other update decodes the mirrored latent against the mirrored picture, so that
latents can be mirrored as augmentation later.
"""

import copy
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from bcdcodec.config import VaeConfig
from bcdcodec.errors import WeightsError
from bcdcodec.model.tensors import halved, save_tensors, widened
from bcdcodec.model.vae import Vae, from_uint8
from bcdcodec.training.run.ema import update_ema
from bcdcodec.weightfile import read_tensors

CROP = 96
BATCH = 16
PEAK_RATE = 1.5e-3
LATENT_NOISE = 0.15
#: Draws `BATCH` random crops of CROP x CROP for a step: uint8 [B, 3, CROP, CROP].
CropSource = Callable[[int], NDArray[np.uint8]]


def vae_loss(decoded: Tensor, wanted: Tensor) -> Tensor:
    """Pixel and gradient distance of pictures [B, 3, H, W] in [-1, 1]."""
    difference = decoded - wanted
    loss = difference.abs().mean() + 2 * difference.square().mean()
    for scale in (difference, F.avg_pool2d(difference, 2)):
        loss = loss + scale.diff(dim=-1).abs().mean() + scale.diff(dim=-2).abs().mean()
    return loss


def train_vae(
    config: VaeConfig, crops: CropSource, *, updates: int, seed: int = 0, progress: Callable[[int, float], None]
) -> Vae:
    """Train from scratch and return the averaged autoencoder in evaluation mode. progress: (updates done, loss)."""
    torch.manual_seed(seed)
    model = Vae(config).train()
    # Convolutions on the CPU run faster with channels last.
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(model.parameters(), PEAK_RATE, betas=(0.9, 0.99), weight_decay=1e-3)
    for step in range(updates):
        fade = 0.5 + 0.5 * math.cos(math.pi * step / updates)
        optimizer.param_groups[0]["lr"] = PEAK_RATE * min(1.0, (step + 1) / 100) * fade + 1e-5
        wanted = from_uint8(torch.from_numpy(crops(step))).contiguous(memory_format=torch.channels_last)
        z = model.encode(wanted)
        z = z + torch.randn_like(z) * torch.rand(len(z), 1, 1, 1) * LATENT_NOISE
        if step % 2:
            z, wanted = z.flip(-1), wanted.flip(-1)
        loss = vae_loss(model.decode(z), wanted)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        update_ema(average, model, step)
        progress(step + 1, loss.item())
    return average.eval()


def save_vae(path: Path, vae: Vae) -> None:
    """Write the weights alone, as float16 like the whole model will: a clip cache fits both, or none."""
    save_tensors(path, halved(vae.state_dict()))


def load_vae(path: Path, config: VaeConfig) -> Vae:
    """Read an autoencoder, from `save_vae` or from a whole weights file, in evaluation mode. Raises WeightsError."""
    vae = Vae(config)
    try:
        whole = read_tensors(path, prefix="vae.", framework="pt")
        vae.load_state_dict(widened(whole or read_tensors(path, prefix="", framework="pt")))
    except (RuntimeError, WeightsError) as error:
        raise WeightsError(f"{path} is not an autoencoder of this shape: {str(error).splitlines()[0]}") from error
    return vae.eval()
