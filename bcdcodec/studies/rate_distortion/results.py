"""Results of a plan by operating point, clip and person, and mean rate-distortion curves.

A metric of faces has no value in frames without a detected face, and those are the worst ones: its mean over the rest
flatters a codec that destroys faces. So a point of a series that loses too many of the source's faces has no value of
such metrics, neither in a curve nor in a comparison.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from bcdcodec.evaluation.metrics.table import LOST, METRICS
from bcdcodec.studies.rate_distortion.rd_point import RDResult

#: Share of the source's faces, in %, that a point may lose.
MAX_LOST = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedPoint:
    """A point without values of metrics of faces. lost: share of the source's faces, in %."""

    series: str
    operating_point: int
    kbps: float
    lost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Means over the same clips at every point, by rising rate. clips: how many."""

    series: str
    metric: str
    kbps: tuple[float, ...]
    values: tuple[float, ...]
    clips: int


class Results:
    """points: in the order of the plan. person_of: clip -> person."""

    def __init__(self, points: Sequence[RDResult], person_of: Mapping[str, str]) -> None:
        self.points = list(points)
        self.person_of = dict(person_of)
        self._by_series: dict[str, dict[int, list[RDResult]]] = {}
        for point in points:
            self._by_series.setdefault(point.series, {}).setdefault(point.operating_point, []).append(point)

    def at(self, series: str, operating_point: int) -> list[RDResult]:
        """Results of one operating point, one a clip; empty where there are none."""
        return self._by_series.get(series, {}).get(operating_point, [])

    def lost(self, series: str, operating_point: int) -> float | None:
        """Share of the source's faces lost, in %, mean of the clips; None where it was not measured."""
        values = [value for point in self.at(series, operating_point) if (value := point.metrics.get(LOST)) is not None]
        return mean(values) if values else None

    def operating_points(self, series: str, metric: str) -> list[int]:
        """Operating points with valid values of the metric, by rising rate."""
        valid = []
        for operating_point, points in self._by_series.get(series, {}).items():
            lost = self.lost(series, operating_point) if METRICS[metric].of_faces else None
            if lost is None or lost <= MAX_LOST:
                valid.append((mean(point.kbps for point in points), operating_point))
        return [operating_point for _, operating_point in sorted(valid)]

    def excluded(self) -> list[ExcludedPoint]:
        """Points that lose too many faces, in the order of the plan."""
        return [
            ExcludedPoint(
                series=series,
                operating_point=operating_point,
                kbps=mean(point.kbps for point in points),
                lost=lost,
            )
            for series, by_point in self._by_series.items()
            for operating_point, points in by_point.items()
            if (lost := self.lost(series, operating_point)) is not None and lost > MAX_LOST
        ]

    def clips(self, series: str, metric: str) -> list[str]:
        """Clips with a value at every valid point: the one set that all means of a curve are over."""
        sets = [
            {point.clip for point in self.at(series, operating_point) if point.metrics.get(metric) is not None}
            for operating_point in self.operating_points(series, metric)
        ]
        common = set.intersection(*sets) if sets else set()
        return [clip for clip in self.person_of if clip in common]

    def of_clip(self, series: str, metric: str, clip: str) -> list[tuple[float, float]]:
        """(kbps, value) of one clip at the valid points, by rising rate."""
        return sorted(
            (point.kbps, value)
            for operating_point in self.operating_points(series, metric)
            for point in self.at(series, operating_point)
            if point.clip == clip and (value := point.metrics.get(metric)) is not None
        )

    def curve(self, series: str, metric: str) -> Curve | None:
        """Mean curve of a series; None where no clip has a value at every valid point."""
        clips = set(self.clips(series, metric))
        if not clips:
            return None
        means = []
        for operating_point in self.operating_points(series, metric):
            points = [point for point in self.at(series, operating_point) if point.clip in clips]
            values = [value for point in points if (value := point.metrics[metric]) is not None]
            means.append((mean(point.kbps for point in points), mean(values)))
        means.sort()
        return Curve(
            series=series,
            metric=metric,
            kbps=tuple(rate for rate, _ in means),
            values=tuple(value for _, value in means),
            clips=len(clips),
        )
