"""Landmark error (NME) and face apertures of two face meshes, in % of the inter-ocular distance.

    candidate mesh, source mesh -> distance of every landmark -> mean over a part of the face
                                -> the same after a similarity alignment onto the source: expression
    mesh -> distance of the lips and of the lids -> over a clip: correlation with the source's, and gain

Meshes are those of video/landmarks.py. Pictures of one size are compared, so landmark errors hold the pose, size and
position of the head as well as the expression. An error is mostly pose, and what is left without the pose is half loss
of detail; whether a mouth opens shows in how its aperture changes. The literature's AKD and LMD are distances in
pixels; numbers are not comparable.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdcodec.evaluation.metrics.faces import compare_faces
from bcdcodec.evaluation.metrics.pair import Values, Video
from bcdcodec.frame import Frame
from bcdcodec.video.landmarks import CONTOUR, EYES, LEFT_EYE, MOUTH, OPENINGS, RIGHT_EYE, Points

#: Metrics of one part each, `landmarks-NAME` in table.py.
PARTS = ("mouth", "eyes", "contour", "expression")
#: Least standard deviation of a source's aperture, in %: a clip below it cannot show whether a candidate tracks it.
MIN_SPREAD = {"mouth": 1.5, "eyes": 0.7}
#: Frames of a fit at least.
MIN_TRACKED = 3


def inter_ocular_distance(mesh: NDArray[np.floating]) -> float:
    """Distance of the outer corners of the eyes, in units of the mesh [478, 2 or more]."""
    points = mesh[:, :2].astype(np.float64)
    return float(np.linalg.norm(points[LEFT_EYE] - points[RIGHT_EYE]))


@dataclass(frozen=True, slots=True, kw_only=True)
class LandmarkDistance:
    """Mean distances of landmarks in the picture, in % of the source's inter-ocular distance.

    contour: the edge of the face, which follows the pose of the head. expression: mouth and eyes after the candidate
    was shifted, rotated and scaled onto the source as a whole.
    """

    all: float
    mouth: float
    eyes: float
    contour: float
    expression: float


def landmark_distance(found: Points, expected: Points) -> LandmarkDistance:
    """Compare a candidate's mesh [478, 2 or more] with the source's."""
    candidate, source = found[:, :2].astype(np.float64), expected[:, :2].astype(np.float64)
    unit = inter_ocular_distance(expected) / 100
    distances = np.linalg.norm(candidate - source, axis=1) / unit
    aligned = np.linalg.norm(_align(candidate, source) - source, axis=1) / unit
    return LandmarkDistance(
        all=float(distances.mean()),
        mouth=float(distances[list(MOUTH)].mean()),
        eyes=float(distances[list(EYES)].mean()),
        contour=float(distances[list(CONTOUR)].mean()),
        expression=float(aligned[list(MOUTH + EYES)].mean()),
    )


def part_distance(part: str) -> Callable[[Video, Video], Values]:
    """The metric of one of PARTS: two videos -> one value a frame, NaN where either frame shows no face."""

    def distance(_: Frame, found: Points, __: Frame, expected: Points) -> float:
        value: float = getattr(landmark_distance(found, expected), part)
        return value

    return lambda found, expected: compare_faces(found, expected, distance)


def apertures(mesh: Points) -> dict[str, float]:
    """Distance of the lips ("mouth") and of the lids ("eyes"), in % of the inter-ocular distance of the mesh."""
    points = mesh[:, :2].astype(np.float64)
    unit = inter_ocular_distance(mesh) / 100
    return {
        part: float(np.mean([np.linalg.norm(points[upper] - points[lower]) for upper, lower in pairs])) / unit
        for part, pairs in OPENINGS.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingFit:
    """Linear fit of a candidate's aperture to the source's over one clip.

    correlation: -1 to 1, 1 is best, 0 for a frozen frame. gain: slope over the source's aperture, 1 is best.
    """

    correlation: float
    gain: float


def tracking_fits(candidate: Sequence[dict[str, float]], source: Sequence[dict[str, float]]) -> dict[str, TrackingFit]:
    """Fits by part of the apertures of the same frames, without parts that vary less than MIN_SPREAD in the source."""
    fits = {}
    for part in OPENINGS if len(source) >= MIN_TRACKED else ():
        x, y = (np.array([frame[part] for frame in frames]) for frames in (source, candidate))
        if x.std() < MIN_SPREAD[part]:
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
