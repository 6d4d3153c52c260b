"""Results of all cells and what may be read off them. In: `CellResult`s. Out: values by point, clip and person.

A metric of faces says nothing of frames in which no face is found, and those are the worst ones: its mean over the rest
flatters a codec that destroys faces. So a point of a series where too many of the source's faces are lost has no value
of such metrics, neither in a curve nor in a comparison.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from bcdcodec.evaluation.bench.cell import CellResult
from bcdcodec.evaluation.metrics.table import LOST, METRICS

#: Of the source's faces, in %, that a point may lose.
MOST_LOST = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A point without values of metrics of faces. lost: of the source's faces, in %."""

    series: str
    point: int
    kbps: float
    lost: float


class Results:
    """cells: in the order of the plan. person_of: clip -> person."""

    def __init__(self, cells: Sequence[CellResult], person_of: Mapping[str, str]) -> None:
        self.cells = list(cells)
        self.person_of = dict(person_of)
        self._of: dict[str, dict[int, list[CellResult]]] = {}
        for cell in cells:
            self._of.setdefault(cell.series, {}).setdefault(cell.point, []).append(cell)

    def at(self, series: str, point: int) -> list[CellResult]:
        """The cells of one point, one a clip; empty where there are none."""
        return self._of.get(series, {}).get(point, [])

    def lost(self, series: str, point: int) -> float | None:
        """Of the source's faces, in %, mean of the clips; None where that was not measured."""
        found = [value for cell in self.at(series, point) if (value := cell.metrics.get(LOST)) is not None]
        return mean(found) if found else None

    def points(self, series: str, metric: str) -> list[int]:
        """Those whose values of the metric count, by rising rate."""
        found = []
        for point, cells in self._of.get(series, {}).items():
            lost = self.lost(series, point) if METRICS[metric].of_faces else None
            if lost is None or lost <= MOST_LOST:
                found.append((mean(cell.kbps for cell in cells), point))
        return [point for _, point in sorted(found)]

    def left_out(self) -> list[LeftOut]:
        """Every point that loses too many faces, in the order of the plan."""
        return [
            LeftOut(series=series, point=point, kbps=mean(cell.kbps for cell in cells), lost=lost)
            for series, points in self._of.items()
            for point, cells in points.items()
            if (lost := self.lost(series, point)) is not None and lost > MOST_LOST
        ]

    def clips(self, series: str, metric: str) -> list[str]:
        """Clips with a value at every point that counts: the one set that all means of a curve are over."""
        sets = [
            {cell.clip for cell in self.at(series, point) if cell.metrics.get(metric) is not None}
            for point in self.points(series, metric)
        ]
        common = set.intersection(*sets) if sets else set()
        return [clip for clip in self.person_of if clip in common]

    def of_clip(self, series: str, metric: str, clip: str) -> list[tuple[float, float]]:
        """(kbps, value) of one clip at the points that count, by rising rate."""
        return sorted(
            (cell.kbps, value)
            for point in self.points(series, metric)
            for cell in self.at(series, point)
            if cell.clip == clip and (value := cell.metrics.get(metric)) is not None
        )
