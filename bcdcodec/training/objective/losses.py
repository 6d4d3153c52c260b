"""The training objective L = L_d + 0.04 L_VQ, cross-driven; with an anchor also its losses. In: a CrossDrivenBatch. Out:
the loss and what to log.

Content comes from one half of a clip and motion from the other, in two passes of the encoder; the denoiser must rebuild
the motion half. Content can then hold no motion of the frames to be rebuilt.
"""

import contextlib
from dataclasses import dataclass

import torch
from torch import Tensor

from bcdcodec.model.bcd import Bcd
from bcdcodec.model.content import straight_through
from bcdcodec.model.edm import CONTEXT_SIGMA, loss_weight, sample_sigma
from bcdcodec.model.quantizer import Quantized, codebook_loss, gumbel_noise, rate_loss
from bcdcodec.model.vae import from_uint8
from bcdcodec.model.warp import Autoencoder, warp_reference
from bcdcodec.training.data.sampler import CrossDrivenBatch, Faces
from bcdcodec.training.objective.nesting import group_mask
from bcdcodec.training.objective.warping import POINT_WEIGHT, anchor_loss, face_weights, motion_loss, point_distance
from bcdcodec.training.run.sharding import SINGLE_PROCESS, ProcessShard


@dataclass(frozen=True, slots=True)
class Objective:
    """What one step trains: temperature, noise levels ln sigma ~ N(mean, std^2), weight of the content's size, whether
    quantiser (and anchor) and denoiser take part, whether all but the denoiser is settled (codes are then as a decoder
    has them), noise on motion that is not coded, whether codes are the nearest entries and not drawn, whether flows of
    the anchor count, clips decoded and frames of each, temporal blocks.
    """

    tau: float
    sigma_mean: float
    sigma_std: float
    content_weight: float
    coded: bool
    motion_noise: float
    nearest: bool
    flow: bool
    denoise: bool
    settled: bool
    clips: int
    decoded_frames: int
    temporal: bool


@dataclass(frozen=True, slots=True)
class LossReport:
    """total is differentiable; the rest are detached: denoising loss, plain squared error, bits a codebook [G] and
    mean count of entries used, None while nothing is coded.
    """

    total: Tensor
    denoising: Tensor
    anchoring: Tensor
    error: Tensor
    entropy_bits: Tensor | None
    used_codes: Tensor | None


@dataclass(frozen=True, slots=True)
class _Told:
    """What the encoder says of a batch. size: of the content; quantized: None while nothing is coded. Of the clips that
    are decoded: content map, frames z, m_hat and faces.
    """

    size: Tensor
    quantized: Quantized | None
    content: Tensor
    z: Tensor
    m_hat: Tensor
    faces: Faces | None


def bcd_loss(
    model: Bcd,
    batch: CrossDrivenBatch,
    objective: Objective,
    generator: torch.Generator,
    vae: Autoencoder | None,
    *,
    share: ProcessShard = SINGLE_PROCESS,
) -> LossReport:
    """One cross-driven evaluation of the objective (main paper; supplement A.1; bitrate loss weight of the preset).

    share: which rows of the batch these are, as many as of every other process; the mean of the processes' totals is
    the loss. Numbers of the report are of the whole batch.
    """
    settled, device, flow = objective.settled, batch.motion.device, None
    model.encoder.train(not settled)
    model.quantizer.train(not settled and not objective.nearest)
    anchoring, denoising, error = (torch.zeros((), device=device) for _ in range(3))
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.set_grad_enabled(not settled and torch.is_grad_enabled()))
        if settled:  # as a decoder computes it: places of a face turn on fractions of a pixel
            stack.enter_context(torch.autocast(device.type, enabled=False))
        told = _tell(model, batch, objective, generator, share)
        if told.faces is not None and model.landmark_head is not None and not settled:
            anchoring = _points_loss(model, told, told.faces, share)
        if told.faces is not None and model.warper is not None and objective.flow:
            flow = model.flow(told.content.detach(), told.m_hat)
            if not settled:
                anchoring = anchoring + anchor_loss(flow, told.faces, share)
    if objective.denoise:
        anchors, place = torch.zeros_like(told.z), told.z.new_ones(1)
        if told.faces is not None and flow is not None:
            place = face_weights(told.faces.motion_points, told.z.shape[-1])
            with torch.no_grad():
                anchors = warp_reference(from_uint8(told.faces.picture), flow, vae).latents
        denoising, error = _denoising_loss(model, told, anchors, place, objective, generator, share)
    quantized, used = told.quantized, None
    coding = objective.content_weight * told.size
    if quantized is not None:
        coding = coding + _coding_loss(model, quantized, objective)
        seen = torch.zeros_like(model.quantizer.codebook[..., 0])  # [G, E]
        seen = share.average(seen.scatter(1, quantized.codes.flatten(0, 1).T, 1.0))
        used = (seen > 0).float().sum(1).mean()
    return LossReport(
        total=denoising + anchoring + coding,
        denoising=share.average(denoising.detach()),
        anchoring=share.average(anchoring.detach()),
        error=share.average(error.detach()),
        entropy_bits=None if quantized is None else quantized.entropy_bits.detach(),
        used_codes=used,
    )


def _tell(
    model: Bcd, batch: CrossDrivenBatch, objective: Objective, generator: torch.Generator, share: ProcessShard
) -> _Told:
    """Encode and quantise. What is random is drawn for the whole batch, so that it is the same for any share."""
    config, rows, device = model.config, len(batch.motion) * share.count, batch.motion.device
    # In full precision whatever the networks run in: nearest levels and entries turn on small differences.
    content = model.encoder.content(batch.content).float()
    size = content.abs().mean()
    if not config.content.picture_bits:  # a picture was coded before it was cached
        content = straight_through(content, config.content)
    frames = share.rows(_coded_frames(rows, batch.motion.shape[1], objective, generator)).to(device)
    z = batch.motion[torch.arange(len(frames), device=device)[:, None], frames]
    m = model.encoder.motion(z, content.detach()).float()
    quantized = None
    if objective.coded:
        noise = None
        if model.quantizer.training:
            shape = (rows, z.shape[1], config.quantizer.groups, config.quantizer.entries)
            noise = share.rows(gumbel_noise(shape, generator)).to(device)
        quantized = model.quantizer(m, tau=objective.tau, noise=noise, processes=share)
    m_hat = model.quantizer.normalize(m, processes=share) if quantized is None else quantized.m_hat
    if objective.nearest and quantized is not None:  # its gradient goes straight to the encoder
        m_hat = quantized.m + (m_hat - quantized.m).detach()
    if config.optim.nested_groups and objective.coded:
        m_hat = m_hat * share.rows(group_mask(config, rows, generator)).to(device)
    if objective.motion_noise:
        noise = share.rows(torch.randn((rows, *m_hat.shape[1:]), generator=generator))
        m_hat = m_hat + objective.motion_noise * noise.to(device)
    clips = slice(len(share.numbers(objective.clips)))
    faces = None if batch.faces is None else _faces_of(batch.faces, frames[clips])
    return _Told(size, quantized, content[clips], z[clips], m_hat[clips], faces)


def _points_loss(model: Bcd, told: _Told, faces: Faces, share: ProcessShard) -> Tensor:
    """Where points of the face lie in the content, and how far they have moved since."""
    places = point_distance(model.landmark_positions(told.content)[:, None], faces.content_points[:, None], share)
    return places + POINT_WEIGHT * motion_loss(model.landmark_displacements(told.m_hat), faces, share)


def _coding_loss(model: Bcd, quantized: Quantized, objective: Objective) -> Tensor:
    """L_VQ with its weight, and the distance of motion to its nearest entries."""
    config, loss = model.config, quantized.m.new_zeros(())
    if not objective.nearest:  # entries that stay where they are cost less only if less is told
        rate = rate_loss(quantized.entropy_bits, config.quantizer.target_bits_per_group)
        loss = loss + config.optim.rate_weight * rate
    if config.optim.codebook_weight and not objective.settled:
        loss = loss + config.optim.codebook_weight * codebook_loss(model.quantizer, quantized.m)
    return loss


def _faces_of(faces: Faces, frames: Tensor) -> Faces:
    """Those of the first clips and of some frames of each. frames: [b, F]."""
    rows = torch.arange(len(frames), device=frames.device)[:, None]
    return Faces(
        picture=faces.picture[: len(frames)],
        thumbnails=faces.thumbnails[rows, frames],
        content_points=faces.content_points[: len(frames)],
        motion_points=faces.motion_points[rows, frames],
    )


def _denoising_loss(
    model: Bcd,
    told: _Told,
    anchors: Tensor,
    place: Tensor,
    objective: Objective,
    generator: torch.Generator,
    share: ProcessShard,
) -> tuple[Tensor, Tensor]:
    """L_d of the frames z [B, F, C, H, W], weighted as in EDM and by place, and their plain squared error.

    What is random is drawn on the CPU, so that it is the same wherever the networks run.
    """
    config, z = model.config, told.z
    b, frames = len(z) * share.count, z.shape[1]
    sigma, counts = _noise_levels(b, frames, objective, config.context_frames, generator)
    noise = torch.randn((b, *z.shape[1:]), generator=generator)
    # Half of the clips use one noise for all frames, as the decoder does; the others keep the frames independent.
    shared = torch.rand(b, 1, 1, 1, 1, generator=generator) < 0.5
    noise = torch.where(shared, noise[:, :1], noise)
    keep = torch.rand(b, generator=generator) >= config.optim.condition_dropout
    noise, sigma, counts, keep = (share.rows(drawn).to(z.device) for drawn in (noise, sigma, counts, keep))
    x = z + noise * sigma[..., None, None, None]
    denoised = model.denoise(
        x, sigma, told.content, told.m_hat, reference=anchors, condition_mask=keep, temporal=objective.temporal
    )
    squared = ((denoised - z).square() * place).mean((2, 3, 4))  # [B, F]
    weighted = squared * loss_weight(sigma, config.denoiser.sigma_data) * counts
    return share.ratio(weighted.sum(), counts.sum()), share.ratio((squared * counts).sum(), counts.sum())


def _coded_frames(b: int, frames: int, objective: Objective, generator: torch.Generator) -> Tensor:
    """Which frames of each clip are encoded and decoded, in order [b, F]: in phase 1 a few, half of the time only every
    second; the whole window once the temporal blocks need neighbours.
    """
    if objective.temporal or objective.decoded_frames >= frames:
        return torch.arange(frames).expand(b, -1)
    longest = (frames - 1) // (objective.decoded_frames - 1) if objective.decoded_frames > 1 else 1
    step = torch.randint(1, min(2, longest) + 1, (b, 1), generator=generator)
    room = frames - (objective.decoded_frames - 1) * step  # [b, 1]
    start = (torch.rand((b, 1), generator=generator) * room).long()
    return start + step * torch.arange(objective.decoded_frames)


def _noise_levels(
    b: int, frames: int, objective: Objective, context_frames: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Per-frame sigma [B, F] and loss mask: frames share a level in a window; half the windows start with clean
    context.
    """
    shape = (b, 1) if objective.temporal else (b, frames)
    sigma = sample_sigma(shape, mean=objective.sigma_mean, std=objective.sigma_std, generator=generator)
    sigma, counts = sigma.expand(b, frames), torch.ones(b, frames)
    if objective.temporal and context_frames:
        clean = (torch.rand(b, 1, generator=generator) < 0.5) & (torch.arange(frames) < context_frames)
        sigma, counts = sigma.masked_fill(clean, CONTEXT_SIGMA), counts.masked_fill(clean, 0.0)
    return sigma, counts
