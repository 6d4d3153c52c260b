"""Whether mouth and eyes open and shut with the source. In: two meshes a frame. Out: correlation and amplitude a clip.

    mesh -> lips' distance, lids' distance, in % of the distance of the eyes' outer corners
         -> over the frames of a clip: correlation with the source's, and how much of its range is reached

A distance of landmarks is mostly pose, and what remains of it without the pose is half the loss of the picture's
detail; what opens and shuts is seen in how it changes. Correlation: -1 to 1, 1 is best, a held frame has 0. Amplitude:
the slope of the candidate's opening over the source's, 1 is best, 0 is a face that does not move.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from bcdcodec.video.landmarks import LEFT_EYE, OPENINGS, RIGHT_EYE, Points

#: A clip in which the source's opening varies less (standard deviation, % of the eyes' distance) says nothing.
LEAST_SPREAD = {"mouth": 1.5, "eyes": 0.7}


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """correlation and amplitude of one kind of opening in one clip."""

    correlation: float
    amplitude: float


def openings(mesh: Points) -> dict[str, float]:
    """How far mouth and eyes are open, in % of the distance of the eyes' outer corners. mesh: [478, 2 or more]."""
    points = mesh[:, :2].astype(np.float64)
    unit = float(np.linalg.norm(points[LEFT_EYE] - points[RIGHT_EYE])) / 100
    return {
        part: float(np.mean([np.linalg.norm(points[upper] - points[lower]) for upper, lower in pairs])) / unit
        for part, pairs in OPENINGS.items()
    }


@dataclass(slots=True)
class OpeningSums:
    """Collects the frames of a clip in constant memory: n, sums of x, y, x^2, y^2 and x y by part; x is the source."""

    sums: dict[str, list[float]] = field(default_factory=lambda: {part: [0.0] * 6 for part in OPENINGS})

    def add(self, candidate: Points, source: Points) -> None:
        found, expected = openings(candidate), openings(source)
        for part, sums in self.sums.items():
            x, y = expected[part], found[part]
            for index, value in enumerate((1.0, x, y, x * x, y * y, x * y)):
                sums[index] += value

    def following(self) -> dict[str, Following]:
        """Parts whose opening the source varies; a part that stands still in the candidate has correlation 0."""
        result = {}
        for part, (n, x, y, xx, yy, xy) in self.sums.items():
            if n < 3:
                continue
            spread, own, both = xx / n - (x / n) ** 2, yy / n - (y / n) ** 2, xy / n - x * y / n**2
            if spread < LEAST_SPREAD[part] ** 2:
                continue
            still = own < 1e-9
            correlation = 0.0 if still else max(-1.0, min(1.0, both / math.sqrt(spread * own)))
            result[part] = Following(correlation=correlation, amplitude=both / spread)
        return result
