"""Results of RD points by series, clip and person, and mean rate-distortion curves.

A metric of faces has no value in frames without a detected face, and those are the worst ones: its mean over the rest
flatters a codec that destroys faces. So a point of a series that loses too many of the source's faces has no value of
such metrics, neither in a curve nor in a comparison.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from bcdcodec.evaluation.metrics.table import LOST, METRICS
from bcdcodec.studies.rate_distortion.plan import Series

#: Share of the source's faces, in %, that a point may lose.
MAX_LOST = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RDPoint:
    """A clip to code at one operating point. source: the lossless excerpt, SIDE x SIDE, at the rate of the series.
    content_hash: of the clip's file.
    """

    clip: str
    content_hash: str
    source: Path
    series: Series
    operating_point: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RDResult:
    """Size, times and metrics of one RD point.

    payload_bytes: without the container, which a .bcd does not have (video/payload.py). encode_s, decode_s: wall
    time; encode_cpu_s, decode_cpu_s: over all processors; on: the machine. metrics: means over the frames measured,
    None where no frame had a value. missing: frames measured without a value, by metric: no face was found in them.
    """

    clip: str
    series: str
    operating_point: int
    seconds: float
    frames: int
    file_bytes: int
    payload_bytes: int
    encode_s: float
    decode_s: float
    encode_cpu_s: float
    decode_cpu_s: float
    on: str
    metrics: dict[str, float | None]
    missing: dict[str, int]

    @property
    def kbps(self) -> float:
        """Payload over duration."""
        return 8 * self.payload_bytes / self.seconds / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedPoint:
    """A point without values of metrics of faces. lost: share of the source's faces, in %."""

    series: str
    operating_point: int
    kbps: float
    lost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionDistance:
    """Distances of all decoded frames of a point from all source frames, `frames` of each; smaller is better.

    frechet, kernel: None of a single frame.
    """

    series: str
    operating_point: int
    frames: int
    frechet: float | None
    kernel: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Means over the same clips at every point, by rising rate. clips: how many."""

    series: str
    metric: str
    kbps: tuple[float, ...]
    values: tuple[float, ...]
    clips: int


class Results:
    """Results of a plan. points: in its order. person_of: clip -> person."""

    def __init__(self, points: Sequence[RDResult], person_of: Mapping[str, str]) -> None:
        self.points, self.person_of = list(points), dict(person_of)
        self._by_series: dict[str, dict[int, list[RDResult]]] = {}
        for point in points:
            self._by_series.setdefault(point.series, {}).setdefault(point.operating_point, []).append(point)

    def at(self, series: str, operating_point: int) -> list[RDResult]:
        """Results of one operating point, one a clip; empty where there are none."""
        return self._by_series.get(series, {}).get(operating_point, [])

    def operating_points(self, series: str, metric: str) -> list[int]:
        """Operating points with valid values of the metric, by rising rate."""
        invalid = {item.operating_point for item in self.excluded(series)} if METRICS[metric].of_faces else set()
        rates = [
            (mean(point.kbps for point in points), operating_point)
            for operating_point, points in self._by_series.get(series, {}).items()
            if operating_point not in invalid
        ]
        return [operating_point for _, operating_point in sorted(rates)]

    def excluded(self, *series: str) -> list[ExcludedPoint]:
        """Points of the series (all where none is named) that lose too many faces, in the order of the plan."""
        excluded = []
        for name in series or self._by_series:
            for operating_point, points in self._by_series.get(name, {}).items():
                values = [value for point in points if (value := point.metrics.get(LOST)) is not None]
                if values and (lost := mean(values)) > MAX_LOST:
                    kbps = mean(point.kbps for point in points)
                    excluded.append(ExcludedPoint(series=name, operating_point=operating_point, kbps=kbps, lost=lost))
        return excluded

    def of_clip(self, series: str, metric: str, clip: str) -> list[tuple[float, float]]:
        """(kbps, value) of one clip at the valid points, by rising rate."""
        return sorted(
            (point.kbps, value)
            for operating_point in self.operating_points(series, metric)
            for point in self.at(series, operating_point)
            if point.clip == clip and (value := point.metrics.get(metric)) is not None
        )

    def curve(self, series: str, metric: str) -> Curve | None:
        """Mean curve over the clips with a value at every valid point; None where there is no such clip."""
        at_points = [
            {
                point.clip: (point.kbps, value)
                for point in self.at(series, operating_point)
                if (value := point.metrics.get(metric)) is not None
            }
            for operating_point in self.operating_points(series, metric)
        ]
        clips = set.intersection(*map(set, at_points)) if at_points else set()
        if not clips:
            return None
        own = [[pair for clip, pair in by_clip.items() if clip in clips] for by_clip in at_points]
        means = sorted((mean(kbps for kbps, _ in pairs), mean(value for _, value in pairs)) for pairs in own)
        kbps, values = zip(*means, strict=True)
        return Curve(series=series, metric=metric, kbps=kbps, values=values, clips=len(clips))
