"""Landmark layouts: which points of a face are mouth, eyes and contour, and which pairs tell how far they are open."""

from collections.abc import Mapping
from dataclasses import dataclass

from bcdcodec.video.landmarks import CONTOUR, EYES, IRISES, LEFT_EYE, MOUTH, OPENINGS, POINTS, RIGHT_EYE

#: The part that is measured after the candidate was aligned onto the source.
EXPRESSION = "expression"


@dataclass(frozen=True, slots=True, kw_only=True)
class LandmarkLayout:
    """Points of one landmark detector.

    eye_corners: outer corners of both eyes, whose distance is the unit of errors. parts: indices by part of the face.
    expressive: parts that speech and expression move. openings: pairs of inner points, upper and lower, by part.
    min_spread: least standard deviation of a source's aperture, in % of the inter-ocular distance: a clip below it
    cannot show whether a candidate tracks it, as it hardly exceeds the detector's noise.
    """

    points: int
    eye_corners: tuple[int, int]
    parts: Mapping[str, tuple[int, ...]]
    expressive: tuple[str, ...]
    openings: Mapping[str, tuple[tuple[int, int], ...]]
    min_spread: Mapping[str, float]

    @property
    def names(self) -> tuple[str, ...]:
        """All that is measured of a pair of faces, in the order of tables."""
        return ("all", *self.parts, EXPRESSION)

    @property
    def expression(self) -> tuple[int, ...]:
        """Indices of the expressive parts."""
        return tuple(index for part in self.expressive for index in self.parts[part])


#: MediaPipe's mesh (video/landmarks.py). Its eyes are lids and irises; the irises, which gaze moves, are also measured
#: alone.
MESH = LandmarkLayout(
    points=POINTS,
    eye_corners=(RIGHT_EYE, LEFT_EYE),
    parts={"mouth": MOUTH, "eyes": EYES, "irises": (*IRISES[0], *IRISES[1]), "contour": CONTOUR},
    expressive=("mouth", "eyes"),
    openings=OPENINGS,
    min_spread={"mouth": 1.5, "eyes": 0.7},
)
#: The 68 points of the iBUG 300-W annotations, which dlib's predictor learned. Its eyelids move about 0.6 times as far
#: as those of the mesh.
IBUG68 = LandmarkLayout(
    points=68,
    eye_corners=(36, 45),
    parts={"mouth": tuple(range(48, 68)), "eyes": tuple(range(36, 48)), "contour": tuple(range(17))},
    expressive=("mouth", "eyes"),
    openings={"mouth": ((61, 67), (62, 66), (63, 65)), "eyes": ((37, 41), (38, 40), (43, 47), (44, 46))},
    min_spread={"mouth": 1.0, "eyes": 0.6},
)
