"""Choice of the reference among the first frames of a shot, without making a picture: for calls, where it must be fast.

Files choose by real warps (codec/encode/references.py), and before that by `central_face`.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bcdcodec.codec.motion_reference import FrameReference
from bcdcodec.codec.window import Floats, Window
from bcdcodec.video.landmarks import OPENINGS, POINTS

if TYPE_CHECKING:
    from bcdcodec.codec.encode.backend import EncodingModel

#: Candidates for the reference picture, and windows of frames that they are evaluated on, spread evenly.
CANDIDATES, TRIED_WINDOWS = 16, 4
#: Penalty of a candidate per unit by which other frames open a part of the face further, in sizes of the face
#: (wide eyes: 0.15): a warp shuts an open eye or mouth, but cannot show what a shut one hides. It applies among
#: candidates whose cost is at most COST_TOLERANCE times the least: a worse reference loses more than eyes.
OCCLUSION_PENALTY, COST_TOLERANCE = {"eyes": 4.0, "mouth": 1.6}, 1.1


def select_reference_frame(model: "EncodingModel", shot: Window) -> int:
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
    faces: list[int] = np.flatnonzero(np.isfinite(shot.landmarks).all((1, 2))).tolist()
    shown = faces or [*range(len(shot.pixels))]
    return [shown[index] for index in spread(len(shown), count)]


def central_face(shot: Window) -> int | None:
    """The frame of a shot whose landmarks are nearest to their mean over all frames; None where no frame has a face."""
    faces = np.isfinite(shot.landmarks).all((1, 2))
    if not shot.landmarks.shape[1] or not faces.any():
        return None
    distances = np.square(shot.landmarks - shot.landmarks[faces].mean(0)).sum((1, 2))
    return int(np.where(faces, distances, np.inf).argmin())


def central_frame(latents: Floats) -> int:
    """The frame whose latents are nearest to the mean of all [T, C, H, W]: a real frame, hence sharp, and typical."""
    return int(np.square(latents - latents.mean(0)).reshape(len(latents), -1).sum(1).argmin())


def _expected(model: "EncodingModel", shot: Window, candidates: list[int]) -> tuple[list[float], list[float]]:
    """Expected error and occlusion penalty of candidates.

    Error: mean squared distance of the latents to the other frames, times mean squared quantisation error of their
    motion since the candidate.
    """
    length = min(model.config.window_frames, len(shot.pixels))
    starts = spread(len(shot.pixels) - length + 1, TRIED_WINDOWS)
    frames = [start + index for start in starts for index in range(length)]
    latents, tried = shot.latents[frames], shot.part(frames)
    costs, penalties = list[float](), list[float]()
    for candidate in candidates:
        reference = FrameReference.of_shot(model, shot, candidate)
        distance = float(np.square(latents - shot.latents[candidate]).mean())
        codes, distances = model.encoder_backend.analyze(tried, range(len(frames)), reference)
        costs.append(distance * float(distances.min(-1).mean()))
        penalties.append(math.exp(max(0.0, _hidden_aperture(model, codes))))
    return costs, penalties


def _hidden_aperture(model: "EncodingModel", codes: NDArray[np.int64]) -> float:
    """Weighted mean increase of the apertures of eyes and mouth since the content over the frames of codes [T, G]; 0
    for a model without landmarks of the mesh.
    """
    if model.config.denoiser.landmarks != POINTS:
        return 0.0
    moved = model.encoder_backend.displacements(codes)[..., 1]  # down, [T, L]
    opened = {part: _opening(moved, pairs) for part, pairs in OPENINGS.items()}
    return sum(OCCLUSION_PENALTY[part] * change for part, change in opened.items())


def _opening(moved: Floats, pairs: tuple[tuple[int, int], ...]) -> float:
    """Mean of how much further the lower landmarks went down [T, L] than the upper ones."""
    upper, lower = np.array(pairs).T
    return float((moved[:, lower] - moved[:, upper]).mean())


def spread(length: int, count: int) -> list[int]:
    """At most `count` distinct indices below `length`, evenly spread."""
    picked: list[int] = np.linspace(0, length - 1, min(count, length)).round().astype(int).tolist()
    return picked
