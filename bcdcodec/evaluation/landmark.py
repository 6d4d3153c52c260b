"""Closeness of faces as numbers. In: two meshes of video/landmarks.py. Out: distances in % of the eyes' distance.

    mesh of the source, mesh of the candidate -> distance of every point -> mean over a part of the face
                                              -> the same after the candidate was moved onto the source: expression

Pictures of one size are compared, so the distances hold pose, size and place of the head as well as the expression.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdcodec.video.landmarks import CONTOUR, EYES, LEFT_EYE, MOUTH, RIGHT_EYE, Points


@dataclass(frozen=True, slots=True, kw_only=True)
class LandmarkDistance:
    """Mean distances of points in the picture, in % of the source's distance between the outer corners of the eyes.

    outline: the edge of the face, which follows the pose of the head. expression: mouth and eyes after the candidate
    was moved, turned and scaled onto the source as a whole.
    """

    all: float
    mouth: float
    eyes: float
    outline: float
    expression: float


def landmark_distance(found: Points, expected: Points) -> LandmarkDistance:
    """Compare a candidate's mesh [478, 2 or more] with the source's."""
    candidate, source = found[:, :2].astype(np.float64), expected[:, :2].astype(np.float64)
    unit = float(np.linalg.norm(source[LEFT_EYE] - source[RIGHT_EYE])) / 100
    distances = np.linalg.norm(candidate - source, axis=1) / unit
    aligned = np.linalg.norm(_moved_onto(candidate, source) - source, axis=1) / unit
    return LandmarkDistance(
        all=float(distances.mean()),
        mouth=float(distances[list(MOUTH)].mean()),
        eyes=float(distances[list(EYES)].mean()),
        outline=float(distances[list(CONTOUR)].mean()),
        expression=float(aligned[list(MOUTH + EYES)].mean()),
    )


def _moved_onto(points: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points after the shift, turn and scale with the least squared distance to the target."""
    # In the plane a turn with a scale is one complex factor, and least squares gives it in closed form.
    z, w = (values[:, 0] + 1j * values[:, 1] for values in (points, target))
    z, middle = z - z.mean(), w.mean()
    moved = z * (np.vdot(z, w - middle) / np.vdot(z, z)) + middle
    return np.stack([moved.real, moved.imag], axis=1)
