"""Distances between all frames of a point and all frames of the source. In: kept features. Out: `SetDistance`s.

The distances of metrics/distribution.py over the features of metrics/features.py, which are neither FID nor KID, or
over those of metrics/fid.py where a plan gives its weights, which are. Few frames of few people make the Frechet
distance too large, for every codec alike; the kernel distance does not mind.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bcdcodec.evaluation.bench.cell import Cell, CellResult
from bcdcodec.evaluation.bench.store import Store
from bcdcodec.evaluation.metrics.distribution import frechet_distance, kernel_distance


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDistance:
    """frames: in each of the two sets. Both distances are better when they are small."""

    series: str
    point: int
    frames: int
    frechet: float
    kernel: float


def set_distances(results: Mapping[Cell, CellResult], store: Store) -> list[SetDistance]:
    """One a point of each series, over all clips, in the order of the plan."""
    points: dict[tuple[str, int], list[Cell]] = {}
    for cell in results:
        points.setdefault((cell.series.name, cell.point), []).append(cell)
    found = []
    for (series, point), cells in points.items():
        decoded, source = np.concatenate([store.features(cell) for cell in cells], axis=1)  # [2, n, D]
        found.append(
            SetDistance(
                series=series,
                point=point,
                frames=len(decoded),
                frechet=frechet_distance(decoded, source),
                kernel=kernel_distance(decoded, source),
            )
        )
    return found
