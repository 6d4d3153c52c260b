"""Mending of a warp: pixels that its reference shows too small or hides, from another reference of the shot.

    named reference -> warp, change of area           stretched thin or folded, where a head has turned away from it
    the other one whose face is nearest to the frame's -> the same, by landmarks alone
    share of the other at a pixel = ramp of how much less it is stretched there

A cheek that the named reference sees edge-on is torn in the warp; another picture of the shot often shows it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from bcdcodec.model.content import Content
from bcdcodec.model.guides import area_changes
from bcdcodec.model.landmark_flow import dense_flow
from bcdcodec.model.mesh_flow import box_mean
from bcdcodec.model.warp import resize_flow, warp

#: Natural logarithm of the ratio of areas from which on the other reference has a share, and over which it gets all.
LEAST_GAIN, FULL_GAIN = 0.5, 0.9
#: Least area that counts, in pixels of a reference to one of the frame: thinner ones are noise of a fold.
LEAST_AREA = 0.05
#: Confidence in the flow from which on it is taken, and over which wholly: that of the face. Around it hair and neck do
#: not move with the landmarks, and what they leave would show twice.
LEAST_CONFIDENCE, FULL_CONFIDENCE = 0.92, 0.97
#: Pixels on either side that areas are averaged over, and shares, twice.
AREA_REACH, SHARE_REACH = 4, 3
#: The flow from the other reference has a grid of half the picture's side.
FLOW_DIVISOR = 2


def mended(warps: Tensor, areas: Tensor, positions: Tensor, others: Sequence[Content]) -> tuple[Tensor, Tensor]:
    """Warps [T, 3, P, P] and changes of area [T, 1, P, P] of the frames of one clip, mended.

    positions: landmarks of the frames [T, L, 2] as fractions of the picture; others: contents without a batch axis,
    those without a picture or a face left out. Frames that are not stretched anywhere stay as they are.
    """
    shown = [(other.landmarks, other.picture) for other in others]
    faces = [
        (face, picture)
        for face, picture in shown
        if face is not None and picture is not None and len(face) and face.isfinite().all()
    ]
    if not faces:
        return warps, areas
    own = _shown_area(areas)
    rows = (own.flatten(1).amin(1) < -LEAST_GAIN).nonzero().flatten()
    if not len(rows):
        return warps, areas
    places, pictures = (torch.stack(parts) for parts in zip(*faces, strict=True))  # [K, L, 2], [K, 3, P, P]
    at = positions[rows]
    nearest = (at[:, None] - places).square().sum((2, 3)).argmin(1)  # [N]
    size = warps.shape[-1]
    flow, confidence = dense_flow(at[:, None], (at - places[nearest])[:, None], size // FLOW_DIVISOR)
    flow = resize_flow(flow, size)[:, 0]
    other_areas = area_changes(flow)
    gain = _shown_area(other_areas) - own[rows]
    inside = _ramp(confidence[:, 0], LEAST_CONFIDENCE, FULL_CONFIDENCE)
    share = _ramp(gain, LEAST_GAIN, FULL_GAIN) * F.interpolate(inside, size=(size, size), mode="nearest")
    share = box_mean(box_mean(share, SHARE_REACH), SHARE_REACH)
    warps, areas = warps.clone(), areas.clone()
    warps[rows] += share * (warp(pictures[nearest], flow) - warps[rows])
    areas[rows] += share * (other_areas - areas[rows])
    return warps, areas


def _shown_area(areas: Tensor) -> Tensor:
    """Logarithm of the mean area around each pixel, 0 where nothing is stretched: [N, 1, P, P]."""
    return box_mean((areas + 1).clamp(LEAST_AREA, 1), AREA_REACH).log()


def _ramp(values: Tensor, least: float, full: float) -> Tensor:
    """0 up to `least`, 1 from `full` on."""
    return ((values - least) / (full - least)).clamp(0, 1)
