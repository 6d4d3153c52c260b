"""Choice of the reference among the first frames of a shot, without making a picture: for calls, where it must be fast.

Files choose by real warps (codec/encode/references.py), and before that by `central_face`.
"""

import math

import numpy as np
import torch
from torch import Tensor

from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.window import Window
from bcdcodec.model.landmarks import normalize_displacements
from bcdcodec.video.landmarks import OPENINGS, POINTS

#: Candidates for the reference picture, and windows of frames that they are evaluated on, spread evenly.
CANDIDATES, TRIED_WINDOWS = 16, 4
#: Penalty of a candidate per unit by which other frames open a part of the face further, in sizes of the face
#: (wide eyes: 0.15): a warp shuts an open eye or mouth, but cannot show what a shut one hides. It applies among
#: candidates whose cost is at most COST_TOLERANCE times the least: a worse reference loses more than eyes.
OCCLUSION_PENALTY, COST_TOLERANCE = {"eyes": 4.0, "mouth": 1.6}, 1.1


@torch.inference_mode()
def select_reference_frame(model: CodecModel, shot: Window) -> int:
    """Index of the reference among the frames of a shot. Where some frames show a face, the others are no candidates.

    Among the candidates of nearly the least expected error the winner has the least error times a penalty for eyes and
    mouth that others open further.
    """
    candidates = candidate_frames(shot, CANDIDATES)
    costs, penalties = _expected(model, shot, candidates)
    # With costs of NaN none is close, and the first is taken.
    close = [index for index, cost in enumerate(costs) if cost <= COST_TOLERANCE * min(costs)] or [0]
    return candidates[min(close, key=lambda index: costs[index] * penalties[index])]


def candidate_frames(shot: Window, count: int) -> list[int]:
    """At most `count` frames of a shot, evenly spread over those with a face, or over all where none has one."""
    faces: list[int] = shot.landmarks.isfinite().flatten(1).all(1).nonzero().flatten().tolist()
    shown = faces or [*range(len(shot.pixels))]
    return [shown[index] for index in spread(len(shown), count)]


def central_face(shot: Window) -> int | None:
    """The frame of a shot whose landmarks are nearest to their mean over all frames; None where no frame has a face."""
    faces = shot.landmarks.isfinite().flatten(1).all(1)
    if not shot.landmarks.shape[1] or not faces.any():
        return None
    distances = (shot.landmarks - shot.landmarks[faces].mean(0)).square().sum((1, 2))
    return int(torch.where(faces, distances, torch.inf).argmin())


def _expected(model: CodecModel, shot: Window, candidates: list[int]) -> tuple[list[float], list[float]]:
    """Expected error and occlusion penalty of candidates.

    Error: mean squared distance of the latents to the other frames, times mean squared quantisation error of their
    motion since the candidate.
    """
    length, latents = min(model.config.window_frames, len(shot.latents)), shot.latents
    starts = spread(len(latents) - length + 1, TRIED_WINDOWS)
    frames = [start + index for start in starts for index in range(length)]
    found, shown = latents[frames], shot.landmarks[frames]
    tried = found.view(len(starts), length, *found.shape[1:])
    costs, penalties = list[float](), list[float]()
    for candidate in candidates:
        content = latents[candidate][None]
        distance = float((tried - content).square().mean())
        moved = normalize_displacements(shown[None], shot.landmarks[None, candidate]).view(*tried.shape[:2], -1, 2)
        z = tried if model.bcd.encoder.reads_latents(moved) else None
        codes, distances = model.bcd.analyze(z, content.expand(len(tried), -1, -1, -1), moved)
        costs.append(distance * float(distances.amin(-1).mean()))
        penalties.append(math.exp(max(0.0, float(_hidden_aperture(model, codes)))))
    return costs, penalties


def _hidden_aperture(model: CodecModel, codes: Tensor) -> Tensor:
    """Weighted mean increase of the apertures of eyes and mouth since the content over the frames of codes [B, T, G];
    0 for a model without landmarks.
    """
    if model.config.denoiser.landmarks != POINTS:
        return torch.zeros(())
    moved = model.bcd.landmark_displacements(model.bcd.quantizer.lookup(codes))[..., 1]  # down, [B, T, L]
    parts = {part: torch.tensor(pairs, device=moved.device) for part, pairs in OPENINGS.items()}
    opened = {part: (moved[..., pairs[:, 1]] - moved[..., pairs[:, 0]]).mean() for part, pairs in parts.items()}
    return torch.stack([OCCLUSION_PENALTY[part] * change for part, change in opened.items()]).sum()


def spread(length: int, count: int) -> list[int]:
    """At most `count` distinct indices below `length`, evenly spread."""
    picked: list[int] = np.linspace(0, length - 1, min(count, length)).round().astype(int).tolist()
    return picked
