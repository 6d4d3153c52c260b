"""Distances between sets: over all clips of a point, larger the farther apart the sets are."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from bcdcodec.studies.rate_distortion.plan import Series
from bcdcodec.studies.rate_distortion.scores import RDPoint
from bcdcodec.studies.rate_distortion.study import distribution_distances

Make = Callable[..., Any]
SERIES = Series(codec="bcdcodec", side=256, profile="", rate=Fraction(25), points=(1, 2, 3))


class Features:
    """A store whose decoded features lie as far from the source's as the point says."""

    def features(self, cell: RDPoint) -> np.ndarray:
        found, source = np.random.default_rng(ord(cell.clip)).normal(0, 1, (2, 30, 3))
        return np.stack([found + cell.operating_point, source])


def test_distances_are_over_all_clips_of_a_point(result: Make) -> None:
    cells = {
        RDPoint(clip=clip, content_hash=clip, source=Path(clip), series=SERIES, operating_point=k):
        result(SERIES.name, clip, k, 1.0)
        for clip in "ab" for k in SERIES.points
    }  # fmt: skip
    store: Any = Features()
    found = distribution_distances(cells, store)
    assert [(item.series, item.operating_point, item.frames) for item in found] == [
        (SERIES.name, k, 60) for k in (1, 2, 3)
    ]
    frechet, kernel = ([getattr(item, name) for item in found] for name in ("frechet", "kernel"))
    assert frechet == sorted(frechet) and frechet[0] > 2
    assert kernel == sorted(kernel) and kernel[0] > 0.1
