"""Distribution metrics: distances between all decoded frames of a point and all frames of the source.

Frechet and kernel distance of metrics/distribution.py over the features of metrics/features.py, which are neither FID
nor KID, or over those of metrics/fid.py where a plan gives its weights, which are. Few frames of few people make the
Frechet distance too large, for every codec alike; the kernel distance is unbiased.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from bcdcodec.evaluation.metrics.distribution import frechet_distance, kernel_distance
from bcdcodec.studies.rate_distortion.rd_point import RDPoint
from bcdcodec.studies.rate_distortion.store import PointStore


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionDistance:
    """frames: size of each of the two sets. Both distances are better when they are small."""

    series: str
    operating_point: int
    frames: int
    frechet: float
    kernel: float


def distribution_distances(rd_points: Iterable[RDPoint], store: PointStore) -> list[DistributionDistance]:
    """Distances of each operating point of each series, over all clips, in the order of the plan."""
    groups: dict[tuple[str, int], list[RDPoint]] = {}
    for rd_point in rd_points:
        groups.setdefault((rd_point.series.name, rd_point.operating_point), []).append(rd_point)
    distances = []
    for (series, operating_point), members in groups.items():
        decoded, source = np.concatenate([store.features(member) for member in members], axis=1)  # [2, n, D]
        distances.append(
            DistributionDistance(
                series=series,
                operating_point=operating_point,
                frames=len(decoded),
                frechet=frechet_distance(decoded, source),
                kernel=kernel_distance(decoded, source),
            )
        )
    return distances
