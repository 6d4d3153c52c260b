"""Choice of the reference among the frames of a shot, in two stages.

all candidates -> expected error (latents and codes, no picture)           -> the best few
the best few   -> warped to frames of the whole shot as the decoder would  -> the one nearest to the source
"""

import math

import numpy as np
import torch
from torch import Tensor

from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.window import Window
from bcdcodec.model.content import Content
from bcdcodec.model.landmarks import normalize_displacements
from bcdcodec.model.vae import from_uint8
from bcdcodec.video.landmarks import OPENINGS, POINTS

#: Candidates for the reference picture, and windows of frames that they are evaluated on, spread evenly.
CANDIDATES, TRIED_WINDOWS = 16, 4
#: Candidates that are warped, windows that they are warped to, and the part of a window that is compared.
WARPED_CANDIDATES, WARPED_WINDOWS, WARPED_STEP = 6, 6, 3
#: Weight of the square around the face in the error of a warp; the rest of the picture has 1. With the plain squared
#: error a curtain decides how a face is seen.
FACE_WEIGHT, FACE_MARGIN = 4.0, 0.15
#: Penalty of a candidate per unit by which other frames open a part of the face further, in sizes of the face
#: (wide eyes: 0.15): a warp shuts an open eye or mouth, but cannot show what a shut one hides. It applies among
#: candidates whose cost is at most COST_TOLERANCE times the least: a worse reference loses more than eyes.
OCCLUSION_PENALTY, COST_TOLERANCE = {"eyes": 4.0, "mouth": 1.6}, 1.1


@torch.inference_mode()
def select_reference_frame(model: CodecModel, shot: Window) -> int:
    """Index of the reference among the frames of a shot. Where some frames show a face, the others are no candidates.

    With a warper the winner of the best few has the least weighted squared error of its warps; without one it is the
    best by expected error.
    """
    faces: list[int] = shot.landmarks.isfinite().flatten(1).all(1).nonzero().flatten().tolist()
    shown = faces or [*range(len(shot.latents))]
    candidates = [shown[index] for index in spread(len(shown), CANDIDATES)]
    costs, penalties = _expected(model, shot, candidates)
    if model.bcd.warper is not None and len(candidates) > 1:
        best = sorted(range(len(candidates)), key=lambda index: costs[index] * penalties[index])[:WARPED_CANDIDATES]
        candidates = [candidates[index] for index in best]
        penalties = [penalties[index] for index in best]
        costs = [_warped_error(model, shot, candidate) for candidate in candidates]
    # With costs of NaN none is close, and the first is taken.
    close = [index for index, cost in enumerate(costs) if cost <= COST_TOLERANCE * min(costs)] or [0]
    return candidates[min(close, key=lambda index: costs[index] * penalties[index])]


def _expected(model: CodecModel, shot: Window, candidates: list[int]) -> tuple[list[float], list[float]]:
    """Expected error and occlusion penalty of candidates.

    Error: mean squared distance of the latents to the other frames, times mean squared quantisation error of their
    motion since the candidate.
    """
    length, latents = model.config.window_frames, shot.latents
    windows = [slice(start, start + length) for start in spread(max(1, len(latents) - length + 1), TRIED_WINDOWS)]
    costs, penalties = list[float](), list[float]()
    for candidate in candidates:
        content = latents[candidate][None]
        distance = _mean([(latents[window] - content).square().mean() for window in windows])
        motions = [_analyze(model, shot, window, content, candidate) for window in windows]
        costs.append(distance * _mean([distances.amin(-1).mean() for _, distances in motions]))
        penalties.append(math.exp(max(0.0, _mean([_hidden_aperture(model, codes) for codes, _ in motions]))))
    return costs, penalties


def _warped_error(model: CodecModel, shot: Window, candidate: int) -> float:
    """Weighted mean squared error of a candidate's picture, warped by nearest codes to frames of the whole shot."""
    length = model.config.window_frames
    face = shot.landmarks[candidate]
    picture = from_uint8(torch.from_numpy(shot.pixels[candidate]).to(model.device)).permute(2, 0, 1)
    content = Content(shot.latents[candidate][None], picture[None], face[None] if len(face) else None)
    errors = list[Tensor]()
    for start in spread(max(1, len(shot.latents) - length + 1), WARPED_WINDOWS):
        window = slice(start, start + length)
        codes, _ = _analyze(model, shot, window, content.map, candidate)
        m_hat = model.bcd.quantizer.lookup(codes)[:, ::WARPED_STEP]
        warped = model.bcd.warp_references(content, m_hat, None).pictures
        assert warped is not None, "a warper gives pictures"
        true = from_uint8(torch.from_numpy(shot.pixels[window][::WARPED_STEP]).to(model.device)).permute(0, 3, 1, 2)
        squares = (warped[0] - true).square().mean(1)  # [T, P, P]
        weights = face_weights(shot.landmarks[window][::WARPED_STEP], squares.shape[-1])
        errors.append((squares * weights).sum((1, 2)) / weights.sum((1, 2)))
    return float(torch.cat(errors).mean())


def face_weights(landmarks: Tensor, side: int) -> Tensor:
    """Weights of pixels [T, side, side] for landmarks [T, L, 2] as fractions of the picture; 1 without a face."""
    weights = torch.ones(len(landmarks), side, side, device=landmarks.device)
    places = (torch.arange(side, device=landmarks.device) + 0.5) / side
    for weight, points in zip(weights, landmarks, strict=True):
        if len(points) and points.isfinite().all():
            margin = FACE_MARGIN * (points.amax(0) - points.amin(0))
            low, high = points.amin(0) - margin, points.amax(0) + margin
            across, down = ((places >= low[axis]) & (places <= high[axis]) for axis in (0, 1))
            weight[down[:, None] & across] = FACE_WEIGHT
    return weights


def _analyze(model: CodecModel, shot: Window, window: slice, content: Tensor, candidate: int) -> tuple[Tensor, Tensor]:
    """Codes and distances of some frames with a candidate as their content, as of `Bcd.analyze`."""
    moved = normalize_displacements(shot.landmarks[None, window], shot.landmarks[None, candidate])
    z = shot.latents[window][None] if model.bcd.encoder.reads_latents(moved) else None
    return model.bcd.analyze(z, content, moved)


def _hidden_aperture(model: CodecModel, codes: Tensor) -> Tensor:
    """Weighted mean increase of the apertures of eyes and mouth since the content over the frames of codes [1, T, G];
    0 for a model without landmarks.
    """
    if model.config.denoiser.landmarks != POINTS:
        return torch.zeros(())
    moved = model.bcd.landmark_displacements(model.bcd.quantizer.lookup(codes))[..., 1]  # down, [1, T, L]
    parts = {part: torch.tensor(pairs, device=moved.device) for part, pairs in OPENINGS.items()}
    opened = {part: (moved[..., pairs[:, 1]] - moved[..., pairs[:, 0]]).mean() for part, pairs in parts.items()}
    return torch.stack([OCCLUSION_PENALTY[part] * change for part, change in opened.items()]).sum()


def spread(length: int, count: int) -> list[int]:
    """At most `count` distinct indices below `length`, evenly spread."""
    picked: list[int] = np.linspace(0, length - 1, min(count, length)).round().astype(int).tolist()
    return picked


def _mean(values: list[Tensor]) -> float:
    return float(torch.stack(values).mean())
