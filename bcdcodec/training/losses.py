"""The training objective L = L_d + 0.04 L_VQ, cross-driven. In: a HalvesBatch. Out: the loss and what to log.

Content comes from one half of a clip and motion from the other, in two passes of the encoder; the denoiser must rebuild
the motion half. Content can then hold no motion of the frames to be rebuilt.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from bcdcodec.model.bcd import Bcd
from bcdcodec.model.content import straight_through
from bcdcodec.model.edm import CONTEXT_SIGMA, loss_weight, sample_sigma
from bcdcodec.model.quantizer import rate_loss
from bcdcodec.training.data import HalvesBatch


@dataclass(frozen=True, slots=True)
class Objective:
    """What one step draws: temperature, noise levels ln sigma ~ N(mean, std^2), clips and frames decoded, temporal blocks."""

    tau: float
    sigma_mean: float
    sigma_std: float
    clips: int
    decoded_frames: int
    temporal: bool


@dataclass(frozen=True, slots=True)
class LossReport:
    """total is differentiable; the rest are detached: denoising loss, plain squared error, bits a codebook, codes used."""

    total: Tensor
    denoising: Tensor
    error: Tensor
    entropy_bits: Tensor
    used_codes: Tensor


def bcd_loss(model: Bcd, batch: HalvesBatch, objective: Objective, generator: torch.Generator) -> LossReport:
    """One cross-driven evaluation of the objective (main paper; supplement A.1; bitrate loss weight of the preset)."""
    config = model.config
    content, _ = model.encoder(batch.content)
    content = straight_through(content, config.content)
    _, m = model.encoder(batch.motion)
    quantized = model.quantizer(m, tau=objective.tau)
    content = content[: objective.clips]
    z, m_hat = _decoded_part(
        batch.motion[: objective.clips], quantized.m_hat[: objective.clips], objective, generator
    )
    b, frames = z.shape[:2]
    sigma, counts = _noise_levels(b, frames, objective, config.context_frames, generator)
    noise = torch.randn(z.shape, generator=generator)
    # Half of the clips use one noise for all frames, as the decoder does; the others keep the frames independent.
    shared = torch.rand(b, 1, 1, 1, 1, generator=generator) < 0.5
    noise = torch.where(shared, noise[:, :1], noise)
    keep = torch.rand(b, generator=generator) >= config.optim.condition_dropout
    x = z + noise * sigma[..., None, None, None]
    denoised = model.denoise(x, sigma, content, m_hat, keep=keep, temporal=objective.temporal)
    squared = (denoised - z).square().mean((2, 3, 4))  # [B, F]
    weighted = squared * loss_weight(sigma, config.denoiser.sigma_data) * counts
    denoising = weighted.sum() / counts.sum()
    rate = rate_loss(quantized.entropy_bits, config.quantizer.target_bits_per_group)
    histogram = torch.zeros(config.quantizer.groups, config.quantizer.entries)
    flat = quantized.codes.flatten(0, 1).T
    histogram.scatter_add_(1, flat, torch.ones_like(flat, dtype=histogram.dtype))
    return LossReport(
        total=denoising + config.optim.rate_weight * rate,
        denoising=denoising.detach(),
        error=((squared * counts).sum() / counts.sum()).detach(),
        entropy_bits=quantized.entropy_bits.detach(),
        used_codes=(histogram > 0).sum(-1).float().mean(),
    )


def _decoded_part(z: Tensor, m_hat: Tensor, objective: Objective, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Frames to decode: a random few in phase 1, the whole window once the temporal blocks need neighbours."""
    if objective.temporal or objective.decoded_frames >= z.shape[1]:
        return z, m_hat
    order = torch.rand(z.shape[:2], generator=generator).argsort(1)[:, : objective.decoded_frames]
    rows = torch.arange(len(z))[:, None]
    return z[rows, order], m_hat[rows, order]


def _noise_levels(
    b: int, frames: int, objective: Objective, context_frames: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Per-frame sigma [B, F] and loss mask: frames share a level in a window; half the windows start with clean context."""
    shape = (b, 1) if objective.temporal else (b, frames)
    sigma = sample_sigma(shape, mean=objective.sigma_mean, std=objective.sigma_std, generator=generator)
    sigma = sigma.expand(b, frames).clone()
    counts = torch.ones(b, frames)
    if objective.temporal and context_frames:
        clean = torch.rand(b, generator=generator) < 0.5
        sigma[clean, :context_frames] = CONTEXT_SIGMA
        counts[clean, :context_frames] = 0.0
    return sigma, counts
