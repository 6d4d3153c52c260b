"""Landmark distances by part of the face. In: two videos. Out: one value a frame, in % of the eyes' distance.

From 0; lower is better; NaN where either frame shows no face. Mean distance of a part's mesh points in the picture, by
the distance between the outer corners of the eyes (../landmark.py). `mouth` and `eyes` as they lie, pose included;
`outline`, the edge of the face, follows the pose; `expression` is mouth and eyes after the found face was moved, turned
and scaled onto the expected one, so that the pose does not count. The literature's AKD and LMD are such distances in
pixels; numbers are not comparable.
"""

from collections.abc import Callable

from bcdcodec.evaluation.landmark import landmark_distance
from bcdcodec.evaluation.metrics.faces import compare_faces
from bcdcodec.evaluation.metrics.pair import Values, Video
from bcdcodec.frame import Frame
from bcdcodec.video.landmarks import Points

PARTS = ("mouth", "eyes", "outline", "expression")


def part_distance(part: str) -> Callable[[Video, Video], Values]:
    """The measure of one of PARTS."""

    def distance(_: Frame, found: Points, __: Frame, expected: Points) -> float:
        value: float = getattr(landmark_distance(found, expected), part)
        return value

    return lambda found, expected: compare_faces(found, expected, distance)
