"""Samples and probes of a model in training: denoising errors by condition, and a sheet of reconstructions.

The sheet has three rows for each clip: frames of its motion half, their reconstruction with the content of its other
half, and a transfer of its motion to the content of the previous clip. The first column shows the content.
"""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdcodec.model.bcd import Bcd, reconstruct
from bcdcodec.model.content import Content, straight_through
from bcdcodec.model.vae import from_uint8, to_uint8
from bcdcodec.model.warp import Autoencoder
from bcdcodec.training.data.batch import CrossDrivenBatch

#: Noise level at which the use of the conditions is measured: the noisy input itself carries no picture there.
PROBE_SIGMA = 20.0
#: Clips and frames of each that a sheet shows.
CLIPS, COLUMNS = 4, 4


def decoder_inputs(model: Bcd, batch: CrossDrivenBatch, frames: Tensor) -> tuple[Content, Tensor, Tensor]:
    """Content, m_hat and true latents of some frames [F] of every clip, as a decoder has them."""
    mapped = model.encoder.content(batch.content)
    if not model.config.content.picture_bits:  # a picture was coded before it was cached
        mapped = straight_through(mapped, model.config.content)
    m_hat = model.quantizer(model.encoder.motion(batch.motion, mapped, batch.displacements)).m_hat[:, frames]
    if batch.faces is None:
        return Content(mapped, None), m_hat, batch.motion[:, frames]
    picture = from_uint8(batch.faces.picture)
    return Content(mapped, picture, batch.faces.content_points), m_hat, batch.motion[:, frames]


def _rolled(content: Content) -> Content:
    """Content rolled by one along the batch: mismatched identity."""
    parts = (content.map, content.picture, content.landmarks)
    return Content(*(None if part is None else part.roll(1, 0) for part in parts))  # type: ignore[arg-type]


def probe_error(
    model: Bcd,
    content: Content,
    m_hat: Tensor,
    z: Tensor,
    vae: Autoencoder | None,
    *,
    conditions: bool = True,
    temporal: bool = False,
) -> float:
    """Mean squared error of frames z [B, F, C, H, W] denoised from PROBE_SIGMA, with or without conditions."""
    sigma = z.new_full(z.shape[:2], PROBE_SIGMA)
    noise = torch.randn(z.shape, generator=torch.Generator().manual_seed(0))
    keep = torch.full((len(z),), conditions, device=z.device)
    denoised = model.denoise(
        z + PROBE_SIGMA * noise.to(z.device),
        sigma,
        content.map,
        m_hat,
        reference=model.warp_references(content, m_hat, vae).latents,
        condition_mask=keep,
        temporal=temporal,
    )
    return float((denoised - z).square().mean())


@torch.no_grad()
def condition_errors(model: Bcd, batch: CrossDrivenBatch, vae: Autoencoder | None) -> dict[str, float]:
    """Error of the denoised output at PROBE_SIGMA with true, swapped and dropped conditions.

    The gap between them shows how far the denoiser uses its conditions. Empty for a model that denoises pictures
    (denoiser/score.py).
    """
    if model.dit is None:
        return {}
    trained = model.training
    model.eval()
    batch = batch.first(CLIPS)  # a few clips and frames are enough
    content, m_hat, z = decoder_inputs(
        model, batch, torch.arange(0, batch.motion.shape[1], 3, device=batch.motion.device)
    )
    errors = {
        "true": probe_error(model, content, m_hat, z, vae),
        "other_motion": probe_error(model, content, m_hat.roll(1, 0), z, vae),
        "other_content": probe_error(model, _rolled(content), m_hat, z, vae),
        "none": probe_error(model, content, m_hat, z, vae, conditions=False),
        "content_alone": float((content.map[:, None] - z).square().mean()),
        "warped": float((model.warp_references(content, m_hat, vae).latents - z).square().mean()),
    }
    model.train(trained)
    return errors


@torch.no_grad()
def sample_sheet(model: Bcd, batch: CrossDrivenBatch, vae: Autoencoder | None) -> NDArray[np.uint8]:
    """Sheet of samples with one step at least of the sampler `realtime`, uint8 [H, W, 3]."""
    trained = model.training
    model.eval()
    batch = batch.first(CLIPS)
    frames = torch.linspace(0, batch.motion.shape[1] - 1, COLUMNS).round().long().to(batch.motion.device)
    content, m_hat, z = decoder_inputs(model, batch, frames)
    config = model.config
    shape = z.shape[2:] if model.dit is not None else (3, config.pixels, config.pixels)
    noise = torch.randn((1, 1, *shape), generator=torch.Generator().manual_seed(0)).to(z.device)
    noise = noise.expand(*z.shape[:2], *shape)

    sampling = config.sampling["realtime"]
    sampling = replace(sampling, steps=max(1, sampling.steps))

    def decode(c: Content) -> Tensor:
        if model.dit is None:
            return model.paint(c, m_hat, noise, sampling)
        made = model.synthesize(c, m_hat, noise, sampling, vae=vae)
        return torch.stack([reconstruct(row, made.reference.of_clip(i), vae) for i, row in enumerate(made.latents)])

    def shown(latents: Tensor) -> Tensor:
        return latents if vae is None else vae.decode(latents)

    source = torch.stack([shown(row) for row in z])  # [B, F, 3, P, P]
    other = _rolled(content)
    own, given = (shown(c.map) if c.picture is None else c.picture for c in (content, other))
    lines = [
        torch.cat([first[:, None], rest], 1)
        for first, rest in ((own, source), (own, decode(content)), (given, decode(other)))
    ]
    sheet = torch.stack(lines, 1).clamp(-1, 1)  # [B, 3, 1 + F, 3, P, P]
    b, rows, columns, channels, side, _ = sheet.shape
    pixels = to_uint8(sheet).permute(0, 1, 4, 2, 5, 3).reshape(b * rows * side, columns * side, channels)
    model.train(trained)
    return np.ascontiguousarray(pixels.cpu().numpy())
