"""Cells -> curves. In: `Results`. Out: mean rate and mean of one metric at each point of a series."""

from dataclasses import dataclass
from statistics import mean

from bcdcodec.evaluation.bench.results import Results


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """By rising rate. kbps and values are means over the same clips at every point. clips: how many."""

    series: str
    metric: str
    kbps: tuple[float, ...]
    values: tuple[float, ...]
    clips: int


def curve(results: Results, series: str, metric: str) -> Curve | None:
    """None where no clip has a value at every point that counts."""
    clips = set(results.clips(series, metric))
    if not clips:
        return None
    means = []
    for point in results.points(series, metric):
        cells = [cell for cell in results.at(series, point) if cell.clip in clips]
        values = [value for cell in cells if (value := cell.metrics[metric]) is not None]
        means.append((mean(cell.kbps for cell in cells), mean(values)))
    means.sort()
    return Curve(
        series=series,
        metric=metric,
        kbps=tuple(rate for rate, _ in means),
        values=tuple(value for _, value in means),
        clips=len(clips),
    )
