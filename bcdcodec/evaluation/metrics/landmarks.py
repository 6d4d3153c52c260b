"""Landmark error (NME) and apertures of two faces, in % of the inter-ocular distance.

    candidate's points, source's points -> distance of every landmark -> mean over a part of the face
                                        -> the same after a similarity alignment onto the source: expression
    points -> distance of the lips and of the lids -> over a clip: correlation with the source's, and gain

Points are those of one detector (judges.py), in a layout that says which they are. Pictures of one size are compared,
so landmark errors hold the pose, size and position of the head as well as the expression. An error is mostly pose, and
what is left without the pose is half loss of detail; whether a mouth opens shows in how its aperture changes. The
literature's AKD and LMD are distances in pixels; numbers are not comparable, nor are those of two detectors.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdcodec.evaluation.metrics.landmark_layout import EXPRESSION, MESH, LandmarkLayout

#: [L, 2 or more] of one face: x, y and what does not count here.
Landmarks = NDArray[np.floating]
#: Frames of a fit at least.
MIN_TRACKED = 3


def inter_ocular_distance(points: Landmarks, layout: LandmarkLayout = MESH) -> float:
    """Distance of the outer corners of the eyes, in units of the points [L, 2 or more]."""
    right, left = layout.eye_corners
    return float(np.linalg.norm(points[left, :2].astype(np.float64) - points[right, :2]))


def landmark_distance(found: Landmarks, expected: Landmarks, layout: LandmarkLayout = MESH) -> dict[str, float]:
    """Mean distances of a candidate's points [L, 2 or more] from the source's, in % of the source's inter-ocular
    distance, by `layout.names`: over all points, over each part, and over the expressive ones after the candidate was
    shifted, turned and scaled onto the source as a whole.
    """
    candidate, source = found[:, :2].astype(np.float64), expected[:, :2].astype(np.float64)
    unit = inter_ocular_distance(expected, layout) / 100
    distances = np.linalg.norm(candidate - source, axis=1) / unit
    aligned = np.linalg.norm(_align(candidate, source) - source, axis=1) / unit
    parts = {part: float(distances[list(points)].mean()) for part, points in layout.parts.items()}
    return {"all": float(distances.mean()), **parts, EXPRESSION: float(aligned[list(layout.expression)].mean())}


def apertures(points: Landmarks, layout: LandmarkLayout = MESH) -> dict[str, float]:
    """Distance of the lips ("mouth") and of the lids ("eyes"), in % of the inter-ocular distance of the points."""
    places = points[:, :2].astype(np.float64)
    unit = inter_ocular_distance(points, layout) / 100
    return {
        part: float(np.mean([np.linalg.norm(places[upper] - places[lower]) for upper, lower in pairs])) / unit
        for part, pairs in layout.openings.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingFit:
    """Linear fit of a candidate's aperture to the source's over one clip.

    correlation: -1 to 1, 1 is best, 0 for a frozen frame. gain: slope over the source's aperture, 1 is best.
    """

    correlation: float
    gain: float


def tracking_fits(
    candidate: Sequence[dict[str, float]], source: Sequence[dict[str, float]], layout: LandmarkLayout = MESH
) -> dict[str, TrackingFit]:
    """Fits by part of the apertures of the same frames, without parts that vary less than the layout's `min_spread` in
    the source.
    """
    fits = {}
    for part in layout.openings if len(source) >= MIN_TRACKED else ():
        x, y = (np.array([frame[part] for frame in frames]) for frames in (source, candidate))
        if x.std() < layout.min_spread[part]:
            continue
        covariance = float(np.mean((x - x.mean()) * (y - y.mean())))
        correlation = 0.0 if y.var() < 1e-9 else max(-1.0, min(1.0, covariance / float(x.std() * y.std())))
        fits[part] = TrackingFit(correlation=correlation, gain=covariance / float(x.var()))
    return fits


def _align(points: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points after the similarity transform with the least squared distance to the target."""
    # In the plane a rotation with a scale is one complex factor, and least squares gives it in closed form.
    z, w = (values[:, 0] + 1j * values[:, 1] for values in (points, target))
    z, middle = z - z.mean(), w.mean()
    moved = z * (np.vdot(z, w - middle) / np.vdot(z, z)) + middle
    return np.stack([moved.real, moved.imag], axis=1)
