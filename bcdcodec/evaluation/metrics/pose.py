"""ARD: head-pose error, the angle between both heads in degrees, one a frame; lower is better.

    mesh of the found face, mesh of the expected face -> rotation with the least squared distance of their rigid points
                                                      -> its angle

From 0 to 180; NaN where either frame shows no face. The average rotation distance of the talking-head literature
compares angles of two pose estimates; here the rotation between both heads is fitted directly (orthogonal Procrustes:
Kabsch, *A solution for the best rotation to relate two sets of vectors*, 1976), which needs no neutral head. Only
points that speech and expression hardly move take part. A blur of one pixel alone moves the fit by about one degree.
"""

import math

import numpy as np
from numpy.typing import NDArray

from bcdcodec.evaluation.metrics.faces import compare_faces
from bcdcodec.evaluation.metrics.pair import Values, Video
from bcdcodec.frame import Frame
from bcdcodec.video.landmarks import Points

#: Forehead and temples, corners of the eyes, ridge and tip of the nose.
RIGID = (
    *(10, 21, 54, 67, 103, 109, 127, 162, 251, 284, 297, 332, 338, 356, 389),
    *(33, 133, 263, 362),
    *(1, 4, 5, 6, 168, 195, 197),
)


def rotation_distance(found: Video, expected: Video) -> Values:
    """Head-pose error of every frame: float64 [T]."""
    return compare_faces(found, expected, _angle)


def rotation(found: Points, expected: Points) -> NDArray[np.float64]:
    """The 3x3 rotation from the expected head to the found one, position and size removed."""
    x, y = (mesh[list(RIGID)].astype(np.float64) for mesh in (expected, found))
    u, _, v = np.linalg.svd((x - x.mean(axis=0)).T @ (y - y.mean(axis=0)))
    mirrored = math.copysign(1.0, float(np.linalg.det(u @ v)))
    return np.asarray(v.T @ np.diag([1, 1, mirrored]) @ u.T)


def angle_degrees(turn: NDArray[np.float64]) -> float:
    """Angle of a rotation; the form with atan2 is exact for small angles too."""
    sine = math.hypot(turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]) / 2
    return math.degrees(math.atan2(sine, (float(np.trace(turn)) - 1) / 2))


def _angle(_: Frame, found: Points, __: Frame, expected: Points) -> float:
    return angle_degrees(rotation(found, expected))
