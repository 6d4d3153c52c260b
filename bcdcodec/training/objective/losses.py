"""The training objective L = L_d + 0.04 L_VQ, cross-driven; with a warper also the losses of flow and landmarks.

Content comes from one half of a clip and motion from the other, in two passes of the encoder; the denoiser must rebuild
the motion half. Content can then hold no motion of the frames to be rebuilt.
"""

import contextlib
from dataclasses import dataclass

import torch
from torch import Tensor

from bcdcodec.model.bcd import Bcd
from bcdcodec.model.device import full_precision
from bcdcodec.model.edm import CONTEXT_SIGMA, loss_weight, sample_sigma
from bcdcodec.model.landmarks import picture_displacements
from bcdcodec.model.quantizer import Quantized, codebook_loss, rate_loss
from bcdcodec.model.vae import from_uint8
from bcdcodec.model.warp import Autoencoder, warp_reference
from bcdcodec.training.data.batch import CrossDrivenBatch, Faces
from bcdcodec.training.objective.encoding import EncodedBatch, encode_batch
from bcdcodec.training.objective.phase import Objective
from bcdcodec.training.objective.warping import (
    POINT_WEIGHT,
    displacement_distance,
    face_weights,
    point_loss,
    warping_loss,
)
from bcdcodec.training.run.sharding import SINGLE_PROCESS, ProcessShard


@dataclass(frozen=True, slots=True)
class LossReport:
    """Loss of one update, and what is logged of it.

    total is differentiable, the rest is detached: denoising and warping loss, plain squared error, entropy of each
    codebook in bits [G], mean number of entries used; the last two are None in a phase without codes.
    """

    total: Tensor
    denoising: Tensor
    warping: Tensor
    error: Tensor
    entropy_bits: Tensor | None
    used_codes: Tensor | None


def bcd_loss(
    model: Bcd,
    batch: CrossDrivenBatch,
    objective: Objective,
    generator: torch.Generator,
    vae: Autoencoder | None,
    *,
    share: ProcessShard = SINGLE_PROCESS,
) -> LossReport:
    """Compute the objective of one cross-driven batch (main paper; supplement A.1; rate weight of the preset).

    share: which rows of the batch these are, as many as of every other process; the mean of the processes' totals is
    the loss. Numbers of the report are of the whole batch. One that is measuring gets every term that it averages, in
    the order of a whole pass, but warper and denoiser are left out and the report means nothing.
    """
    phase, device, flow = objective.phase, batch.motion.device, None
    model.encoder.train(phase.trains_encoder)
    model.quantizer.train(phase.trains_encoder and not phase.hard_codes)
    warping, denoising, error = (torch.zeros((), device=device) for _ in range(3))

    # Encode, and warp the reference. A frozen encoder runs as in a stream: no gradient, and full precision, because the
    # nearest entries turn on small differences.
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.set_grad_enabled(phase.trains_encoder and torch.is_grad_enabled()))
        if not phase.trains_encoder:
            stack.enter_context(full_precision(device))
        encoded = encode_batch(model, batch, objective, generator, share)
        if encoded.faces is not None and model.landmark_head is not None and phase.trains_encoder:
            warping = _landmark_loss(model, encoded, encoded.faces, objective, share)
    if encoded.faces is not None and share.measuring and phase.trains_flow and model.warper is not None:
        warping = point_loss(encoded.z.new_zeros((*encoded.z.shape[:2], 2, 1, 1)), encoded.faces, share)
    elif encoded.faces is not None and model.warper is not None and phase.computes_flow and not share.measuring:
        with torch.set_grad_enabled(phase.trains_flow and torch.is_grad_enabled()):
            flow = model.flow(encoded.content.detach(), encoded.m_hat, encoded.faces.content_points)
        if phase.trains_flow:
            warping = warping + warping_loss(flow, encoded.faces, share)

    # Denoise around the warped reference, errors in the face weighted up.
    if phase.trains_denoiser:
        reference, weight_map = torch.zeros_like(encoded.z), encoded.z.new_ones(1)
        if encoded.faces is not None and flow is not None:
            weight_map = face_weights(encoded.faces.motion_points, encoded.z.shape[-1])
            with torch.no_grad():
                reference = warp_reference(from_uint8(encoded.faces.picture), flow, vae).latents
        denoising, error = _denoising_loss(model, encoded, reference, weight_map, objective, generator, share)

    # Rate of the codes, size of the content.
    quantized, used = encoded.quantized, None
    coding = objective.content_weight * encoded.content_size
    if quantized is not None:
        coding = coding + _coding_loss(model, quantized, objective)
        seen = torch.zeros_like(model.quantizer.codebook[..., 0])  # [G, E]
        seen = share.average(seen.scatter(1, quantized.codes.flatten(0, 1).T, 1.0))
        used = (seen > 0).float().sum(1).mean()

    return LossReport(
        total=denoising + warping + coding,
        denoising=share.logged(denoising),
        warping=share.logged(warping),
        error=share.logged(error),
        entropy_bits=None if quantized is None else quantized.entropy_bits.detach(),
        used_codes=used,
    )


def _landmark_loss(
    model: Bcd, encoded: EncodedBatch, faces: Faces, objective: Objective, share: ProcessShard
) -> Tensor:
    """Error of the displacements read off the codes, and of those that the encoder estimates from latents."""
    assert encoded.estimates is not None, "a model with landmarks estimates them"
    expected = faces.motion_points - faces.content_points[:, None]
    estimated = encoded.estimates.isfinite()
    shown = picture_displacements(encoded.estimates.nan_to_num(), faces.content_points)
    loss = displacement_distance(shown, expected.masked_fill(~estimated, torch.nan), share)
    if objective.phase.quantizes:
        decoded = picture_displacements(model.landmark_displacements(encoded.m_hat), faces.content_points)
        loss = loss + displacement_distance(decoded, expected, share)
    return POINT_WEIGHT * loss


def _coding_loss(model: Bcd, quantized: Quantized, objective: Objective) -> Tensor:
    """L_VQ with its weight, and the distance of motion vectors to their nearest entries."""
    config, loss = model.config, quantized.m.new_zeros(())
    if not objective.phase.hard_codes:  # fixed entries could lower their rate only by carrying less
        rate = rate_loss(quantized.entropy_bits, config.quantizer.target_bits_per_group)
        loss = loss + config.optim.rate_weight * rate
    if config.optim.codebook_weight and objective.phase.trains_encoder:
        loss = loss + config.optim.codebook_weight * codebook_loss(model.quantizer, quantized.m)
    return loss


def _denoising_loss(
    model: Bcd,
    encoded: EncodedBatch,
    reference: Tensor,
    weight_map: Tensor,
    objective: Objective,
    generator: torch.Generator,
    share: ProcessShard,
) -> tuple[Tensor, Tensor]:
    """L_d of the frames z [B, F, C, H, W] with the weights of EDM and of `weight_map`, and the plain squared error.

    Random numbers are drawn on the CPU, so that they are the same on any device.
    """
    config, z = model.config, encoded.z
    b, frames = len(z) * share.count, z.shape[1]
    sigma, counts = _noise_levels(b, frames, objective, config.context_frames, generator)
    if share.measuring:
        counted, nothing = share.rows(counts).to(z.device).sum(), z.new_zeros(())
        return share.ratio(nothing, counted), share.ratio(nothing, counted)
    noise = torch.randn((b, *z.shape[1:]), generator=generator)
    if config.denoiser.shared_noise:
        # Half of the clips use one noise for all frames, as the decoder does; the others keep the frames independent.
        shared = torch.rand(b, 1, 1, 1, 1, generator=generator) < 0.5
        noise = torch.where(shared, noise[:, :1], noise)
    condition_mask = torch.rand(b, generator=generator) >= config.optim.condition_dropout
    noise, sigma, counts, condition_mask = (
        share.rows(drawn).to(z.device) for drawn in (noise, sigma, counts, condition_mask)
    )
    x = z + noise * sigma[..., None, None, None]
    denoised = model.denoise(
        x,
        sigma,
        encoded.content,
        encoded.m_hat,
        reference=reference,
        condition_mask=condition_mask,
        temporal=objective.temporal,
    )
    squared = ((denoised - z).square() * weight_map).mean((2, 3, 4))  # [B, F]
    weighted = squared * loss_weight(sigma, config.denoiser.sigma_data) * counts
    return share.ratio(weighted.sum(), counts.sum()), share.ratio((squared * counts).sum(), counts.sum())


def _noise_levels(
    b: int, frames: int, objective: Objective, context_frames: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Noise level of each frame [b, frames], and 1 for frames that count in the loss.

    With temporal blocks the frames of a window share a level, and half of the windows start with clean context frames,
    which do not count.
    """
    shape = (b, 1) if objective.temporal else (b, frames)
    sigma = sample_sigma(shape, mean=objective.sigma_mean, std=objective.sigma_std, generator=generator)
    sigma, counts = sigma.expand(b, frames), torch.ones(b, frames)
    if objective.temporal and context_frames:
        clean = (torch.rand(b, 1, generator=generator) < 0.5) & (torch.arange(frames) < context_frames)
        sigma, counts = sigma.masked_fill(clean, CONTEXT_SIGMA), counts.masked_fill(clean, 0.0)
    return sigma, counts
