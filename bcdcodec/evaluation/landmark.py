"""Closeness of faces as numbers. In: two meshes of video/landmarks.py. Out: distances in % of the eyes' distance.

    mesh of the source, mesh of the candidate -> distance of every point -> mean over a part of the face
                                              -> the same after the candidate was moved onto the source: expression

Pictures of one size are compared, so the distances hold pose, size and place of the head as well as the expression.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]

#: Outer corners of the right and left eye in the mesh; their distance is the unit.
_RIGHT_EYE, _LEFT_EYE = 33, 263
_MOUTH = (
    *(0, 13, 14, 17, 37, 39, 40, 61, 78, 80, 81, 82, 84, 87, 88, 91, 95, 146, 178, 181, 185, 191),
    *(267, 269, 270, 291, 308, 310, 311, 312, 314, 317, 318, 321, 324, 375, 402, 405, 409, 415),
)
#: Lids and irises.
_EYES = (
    *(7, 33, 133, 144, 145, 153, 154, 155, 157, 158, 159, 160, 161, 163, 173, 246),
    *(249, 263, 362, 373, 374, 380, 381, 382, 384, 385, 386, 387, 388, 390, 398, 466),
    *range(468, 478),
)
#: Forehead, temples, jaw and chin.
_OUTLINE = (
    *(10, 21, 54, 58, 67, 93, 103, 109, 127, 132, 136, 148, 149, 150, 152, 162, 172, 176, 234),
    *(251, 284, 288, 297, 323, 332, 338, 356, 361, 365, 377, 378, 379, 389, 397, 400, 454),
)


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
    unit = float(np.linalg.norm(source[_LEFT_EYE] - source[_RIGHT_EYE])) / 100
    distances = np.linalg.norm(candidate - source, axis=1) / unit
    aligned = np.linalg.norm(_moved_onto(candidate, source) - source, axis=1) / unit
    return LandmarkDistance(
        all=float(distances.mean()),
        mouth=float(distances[list(_MOUTH)].mean()),
        eyes=float(distances[list(_EYES)].mean()),
        outline=float(distances[list(_OUTLINE)].mean()),
        expression=float(aligned[list(_MOUTH + _EYES)].mean()),
    )


def _moved_onto(points: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points after the shift, turn and scale with the least squared distance to the target."""
    # In the plane a turn with a scale is one complex factor, and least squares gives it in closed form.
    z, w = (values[:, 0] + 1j * values[:, 1] for values in (points, target))
    z, middle = z - z.mean(), w.mean()
    moved = z * (np.vdot(z, w - middle) / np.vdot(z, z)) + middle
    return np.stack([moved.real, moved.imag], axis=1)
