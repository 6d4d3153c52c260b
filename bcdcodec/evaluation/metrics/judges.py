"""Judges of faces: detectors whose landmarks are compared between a decoded picture and its source.

A judge finds the face of every picture by itself; nothing that it found in the source helps it in the decoded one. The
codec reads one of them, `mesh`, and none of the other, `dlib`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdcodec.evaluation.metrics.dlib_landmarks import landmarks68
from bcdcodec.evaluation.metrics.faces import compare_faces, face_mesh, recent_face
from bcdcodec.evaluation.metrics.landmark_layout import IBUG68, MESH, LandmarkLayout
from bcdcodec.evaluation.metrics.landmarks import landmark_distance
from bcdcodec.evaluation.metrics.pair import Values, Video
from bcdcodec.frame import Frame
from bcdcodec.video.landmarks import Points


@dataclass(frozen=True, slots=True, kw_only=True)
class LandmarkJudge:
    """A landmark detector.

    metric: prefix of its metrics, `METRIC-PART` (table.py). find: uint8 [H, W, 3] -> points [L, 2 or more] of the
    largest face, None without one; MissingExtraError without its packages.
    """

    name: str
    metric: str
    layout: LandmarkLayout
    find: Callable[[NDArray[np.uint8]], Points | None]

    @property
    def parts(self) -> tuple[str, ...]:
        """Parts of the face that have a metric of their own."""
        return self.layout.names[1:]

    def distance(self, part: str) -> Callable[[Video, Video], Values]:
        """The metric of one part: two videos -> one value a frame, NaN where either frame shows no face."""

        def measure(_: Frame, found: Points, __: Frame, expected: Points) -> float:
            return landmark_distance(found, expected, self.layout)[part]

        return lambda found, expected: compare_faces(found, expected, measure, find=self.find)


def face_points68(pixels: NDArray[np.uint8]) -> Points | None:
    """dlib's landmarks of a picture, None without a face; cached."""
    return recent_face(landmarks68, pixels)


_ALL = (
    LandmarkJudge(name="mesh", metric="landmarks", layout=MESH, find=face_mesh),
    LandmarkJudge(name="dlib", metric="landmarks68", layout=IBUG68, find=face_points68),
)
JUDGES: dict[str, LandmarkJudge] = {judge.name: judge for judge in _ALL}
