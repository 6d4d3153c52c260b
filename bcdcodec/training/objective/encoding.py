"""Encoding of a training batch: content map, motion vectors and codes of the frames that the objective needs.

Random numbers are drawn on the CPU for the whole batch and then sliced, so that they are the same on any device and
for any number of processes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from bcdcodec.config import ModelConfig
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.content import straight_through
from bcdcodec.model.quantizer import Quantized, gumbel_noise
from bcdcodec.training.data.batch import CrossDrivenBatch, Faces
from bcdcodec.training.objective.phase import Objective
from bcdcodec.training.run.sharding import ProcessShard


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """The encoder's output. content_size: mean absolute value of the unquantised content; quantized: of all clips, None
    in a phase without codes. content [b, C, H, W], z [b, F, C, H, W], m_hat [b, F, G*D] and faces: of the b clips that
    are decoded. estimates: displacements that the encoder sees in the latents of those [b, F, L, 2], NaN in clips whose
    landmarks it was given; None for a model without landmarks.
    """

    content_size: Tensor
    quantized: Quantized | None
    content: Tensor
    z: Tensor
    m_hat: Tensor
    faces: Faces | None
    estimates: Tensor | None


def encode_batch(
    model: Bcd, batch: CrossDrivenBatch, objective: Objective, generator: torch.Generator, share: ProcessShard
) -> EncodedBatch:
    """Encode the content of one half of each clip and the motion of the other, and quantise both."""
    config, rows, device = model.config, len(batch.motion) * share.count, batch.motion.device
    # In full precision whatever the networks run in: rounding and nearest entries turn on small differences.
    content = model.encoder.content(batch.content).float()
    content_size = content.abs().mean()
    if config.optim.quantized_content and not config.content.picture_bits:  # stills were coded before they were cached
        content = straight_through(content, config.content)

    frames = share.rows(_choose_frames(rows, batch.motion.shape[1], objective, generator)).to(device)
    z = batch.motion[torch.arange(len(frames), device=device)[:, None], frames]
    chosen = None if batch.faces is None else _select_faces(batch.faces, frames)
    displacements = dropped = None
    if chosen is not None and model.encoder.landmarks is not None:
        draws = torch.rand((rows, 1, 1, 1), generator=generator)
        dropped = share.rows(draws < objective.landmark_dropout).to(device)
        displacements = chosen.displacements.masked_fill(dropped, torch.nan)
    states = model.encoder.states(z, content.detach(), displacements)
    m = model.encoder.motion_of_states(states, displacements).float()

    # Quantise: Gumbel softmax while codebooks are trained, nearest entries in evaluation mode.
    quantized = None
    if objective.phase.quantizes:
        noise = None
        if model.quantizer.training:
            shape = (rows, z.shape[1], config.quantizer.groups, config.quantizer.entries)
            noise = share.rows(gumbel_noise(shape, generator)).to(device)
        quantized = model.quantizer(m, tau=objective.tau, noise=noise, processes=share)
    m_hat = model.quantizer.normalize(m, processes=share) if quantized is None else quantized.m_hat
    if objective.phase.hard_codes and quantized is not None:  # straight-through gradient
        m_hat = quantized.m + (m_hat - quantized.m).detach()

    # Regularise what the decoder sees: nested dropout of codebooks, additive noise on continuous motion.
    if config.optim.nested_groups and objective.phase.quantizes:
        m_hat = m_hat * share.rows(group_mask(config, rows, generator)).to(device)
    if objective.motion_noise:
        noise = share.rows(torch.randn((rows, *m_hat.shape[1:]), generator=generator))
        m_hat = m_hat + objective.motion_noise * noise.to(device)

    clips = slice(len(share.numbers(objective.clips)))
    faces = None if chosen is None else chosen.first(clips.stop)
    estimates = None
    if model.encoder.landmarks is not None and dropped is not None:
        estimates = model.encoder.landmarks.estimates(states[clips]).masked_fill(~dropped[clips], torch.nan)
    return EncodedBatch(content_size, quantized, content[clips], z[clips], m_hat[clips], faces, estimates)


def group_mask(config: ModelConfig, rows: int, generator: torch.Generator) -> Tensor:
    """Nested dropout (Rippel et al., 2014), which makes any prefix of the codebooks decodable.

    Returns 1 for the first groups of every clip and 0 for the others, [rows, 1, G*D]; the number of groups is uniform
    over those that a stream may have.
    """
    allowed = torch.tensor(config.group_counts)
    counts = allowed[torch.randint(len(allowed), (rows, 1, 1), generator=generator)]
    group = torch.arange(config.quantizer.groups).repeat_interleave(config.quantizer.dims)  # [G*D]
    return (group < counts).float()


def _choose_frames(clips: int, frames: int, objective: Objective, generator: torch.Generator) -> Tensor:
    """Indices of the frames of each clip that are encoded, ascending [clips, F].

    Without temporal blocks a few frames are enough, of half of the clips only every second; with them, and where
    `decoded_frames` asks for it, the whole window.
    """
    if objective.temporal or objective.decoded_frames >= frames:
        return torch.arange(frames).expand(clips, -1)
    longest = (frames - 1) // (objective.decoded_frames - 1) if objective.decoded_frames > 1 else 1
    step = torch.randint(1, min(2, longest) + 1, (clips, 1), generator=generator)
    room = frames - (objective.decoded_frames - 1) * step  # [clips, 1]
    start = (torch.rand((clips, 1), generator=generator) * room).long()
    return start + step * torch.arange(objective.decoded_frames)


def _select_faces(faces: Faces, frames: Tensor) -> Faces:
    """The faces in some frames of every clip. frames: [B, F]."""
    rows = torch.arange(len(frames), device=frames.device)[:, None]
    return Faces(
        picture=faces.picture,
        thumbnails=faces.thumbnails[rows, frames],
        content_points=faces.content_points,
        motion_points=faces.motion_points[rows, frames],
    )
