"""The training objective L = L_d + 0.04 L_VQ, cross-driven; with an anchor also its losses. In: a HalvesBatch. Out:
the loss and what to log.

Content comes from one half of a clip and motion from the other, in two passes of the encoder; the denoiser must rebuild
the motion half. Content can then hold no motion of the frames to be rebuilt.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from bcdcodec.model.anchor import Autoencoder, enlarge_flow, move_content, warp_frames
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.content import straight_through
from bcdcodec.model.disentangle import central_frame, take_frame
from bcdcodec.model.edm import CONTEXT_SIGMA, loss_weight, sample_sigma
from bcdcodec.model.quantizer import codebook_loss, rate_loss
from bcdcodec.training.data import HalvesBatch
from bcdcodec.training.teacher import teacher_flow


@dataclass(frozen=True, slots=True)
class Objective:
    """What one step trains: temperature, noise levels ln sigma ~ N(mean, std^2), whether the denoiser takes part (else
    the anchor alone), share of clips that go around the quantiser, clips and frames decoded, temporal blocks.
    """

    tau: float
    sigma_mean: float
    sigma_std: float
    denoise: bool
    unquantised: float
    clips: int
    decoded_frames: int
    temporal: bool


@dataclass(frozen=True, slots=True)
class LossReport:
    """total is differentiable; the rest are detached: denoising loss, plain squared error, bits a codebook, codes
    used.
    """

    total: Tensor
    denoising: Tensor
    anchoring: Tensor
    error: Tensor
    entropy_bits: Tensor
    used_codes: Tensor


def bcd_loss(
    model: Bcd, batch: HalvesBatch, objective: Objective, generator: torch.Generator, vae: Autoencoder | None
) -> LossReport:
    """One cross-driven evaluation of the objective (main paper; supplement A.1; bitrate loss weight of the preset)."""
    config = model.config
    content = straight_through(model.encoder.content(batch.content), config.content)
    m = model.encoder.motion(batch.motion, content.detach())
    quantized = model.quantizer(m, tau=objective.tau)
    clips = slice(objective.clips)
    # A clip passes the quantiser or, early in a run, goes around it: poses are learned before they are coded.
    around = torch.rand(len(m), 1, 1, generator=generator) < objective.unquantised
    m_hat = torch.where(around, quantized.m, quantized.m_hat)
    content = content[clips]
    z, pictures, m_hat = _decoded_part(
        (batch.motion[clips], batch.motion_pictures[clips], m_hat[clips]), objective, generator
    )
    anchoring, denoising, error = torch.zeros(()), torch.zeros(()), torch.zeros(())
    flow = None
    if model.anchor is not None:
        flow = model.anchor(content.detach(), m_hat)
        seen = take_frame(batch.content_pictures, central_frame(batch.content))[clips]
        place = centre_weights(pictures.shape[-1], config.optim.centre_weight)
        anchoring = anchor_loss(seen, flow, pictures, place) + flow_loss(flow, seen, pictures)
    if objective.denoise:
        with torch.no_grad():
            anchors = torch.zeros_like(z) if flow is None else move_content(content, flow, vae)
        denoising, error = _denoising_loss(model, z, content, m_hat, anchors, objective, generator)
    codebook = torch.zeros(())
    if config.optim.codebook_weight:
        codebook = codebook_loss(model.quantizer, quantized.m)
    rate = rate_loss(quantized.entropy_bits, config.quantizer.target_bits_per_group)
    histogram = torch.zeros(config.quantizer.groups, config.quantizer.entries)
    flat = quantized.codes.flatten(0, 1).T
    histogram.scatter_add_(1, flat, torch.ones_like(flat, dtype=histogram.dtype))
    return LossReport(
        total=denoising + anchoring + config.optim.rate_weight * rate + config.optim.codebook_weight * codebook,
        denoising=denoising.detach(),
        anchoring=anchoring.detach(),
        error=error.detach(),
        entropy_bits=quantized.entropy_bits.detach(),
        used_codes=(histogram > 0).sum(-1).float().mean(),
    )


def _denoising_loss(
    model: Bcd,
    z: Tensor,
    content: Tensor,
    m_hat: Tensor,
    anchors: Tensor,
    objective: Objective,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """L_d of the frames z [B, F, C, H, W], weighted as in EDM, and their plain squared error."""
    config = model.config
    b, frames = z.shape[:2]
    sigma, counts = _noise_levels(b, frames, objective, config.context_frames, generator)
    noise = torch.randn(z.shape, generator=generator)
    # Half of the clips use one noise for all frames, as the decoder does; the others keep the frames independent.
    shared = torch.rand(b, 1, 1, 1, 1, generator=generator) < 0.5
    noise = torch.where(shared, noise[:, :1], noise)
    keep = torch.rand(b, generator=generator) >= config.optim.condition_dropout
    x = z + noise * sigma[..., None, None, None]
    denoised = model.denoise(x, sigma, content, m_hat, anchors=anchors, keep=keep, temporal=objective.temporal)
    place = centre_weights(config.denoiser.resolution, config.optim.centre_weight)
    squared = ((denoised - z).square() * place).mean((2, 3, 4))  # [B, F]
    weighted = squared * loss_weight(sigma, config.denoiser.sigma_data) * counts
    return weighted.sum() / counts.sum(), (squared * counts).sum() / counts.sum()


def anchor_loss(seen: Tensor, flow: Tensor, wanted: Tensor, place: Tensor) -> Tensor:
    """Distance of warped small pictures to the frames, sharp and at three degrees of blur.

    seen: the content's frame [B, 3, S, S]; flow: [B, F, 2, H, W] of the latents; wanted: [B, F, 3, S, S]. The gradient
    of a warp sees one pixel around; on blurred pictures that one pixel stands for many, so far displacements are found.
    """
    flow = enlarge_flow(flow, seen.shape[-1] // flow.shape[-1])
    loss = torch.zeros(())
    for kernel in (1, 3, 9, 21):
        moved = warp_frames(_blur(seen, kernel), flow).flatten(0, 1)
        # Charbonnier: what cannot be matched (a shut eye, a bare wall) pulls less than what can.
        difference = (moved - _blur(wanted.flatten(0, 1), kernel)).square()
        loss = loss + ((difference + 1e-4).sqrt() * place).mean() * kernel**0.5
    return loss / 2


def flow_loss(flow: Tensor, seen: Tensor, wanted: Tensor) -> Tensor:
    """Mean Huber distance of flows [B, F, 2, H, W] to the teacher's, the face's part weighted up."""
    target = teacher_flow(seen, wanted, flow.shape[-1])
    place = centre_weights(flow.shape[-1], 2.0)
    return (F.huber_loss(flow, target, reduction="none") * place).mean()


def _blur(picture: Tensor, kernel: int) -> Tensor:
    if kernel == 1:
        return picture
    return F.avg_pool2d(picture, kernel, stride=1, padding=kernel // 2, count_include_pad=False)


def centre_weights(resolution: int, extra: float) -> Tensor:
    """Weight of each latent pixel [1, H, W], mean 1: 1 + extra * exp(-r^2 / 2 s^2), s a fifth of the picture."""
    place = (torch.arange(resolution) + 0.5) / resolution - 0.5
    bump = torch.exp(-(place**2) / (2 * 0.2**2))
    weights = 1 + extra * bump[:, None] * bump[None, :]
    return (weights / weights.mean())[None]


def _decoded_part(
    parts: tuple[Tensor, Tensor, Tensor], objective: Objective, generator: torch.Generator
) -> tuple[Tensor, ...]:
    """Frames to decode: a random few in phase 1, the whole window once the temporal blocks need neighbours."""
    b, frames = parts[0].shape[:2]
    if objective.temporal or objective.decoded_frames >= frames:
        return parts
    order = torch.rand((b, frames), generator=generator).argsort(1)[:, : objective.decoded_frames]
    rows = torch.arange(b)[:, None]
    return tuple(part[rows, order] for part in parts)


def _noise_levels(
    b: int, frames: int, objective: Objective, context_frames: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Per-frame sigma [B, F] and loss mask: frames share a level in a window; half the windows start with clean
    context.
    """
    shape = (b, 1) if objective.temporal else (b, frames)
    sigma = sample_sigma(shape, mean=objective.sigma_mean, std=objective.sigma_std, generator=generator)
    sigma = sigma.expand(b, frames).clone()
    counts = torch.ones(b, frames)
    if objective.temporal and context_frames:
        clean = torch.rand(b, generator=generator) < 0.5
        sigma[clean, :context_frames] = CONTEXT_SIGMA
        counts[clean, :context_frames] = 0.0
    return sigma, counts
