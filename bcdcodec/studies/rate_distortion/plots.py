"""Plots of rate-distortion curves, and a sheet of all codecs at matched rate."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.harness.clips import read_frames
from bcdcodec.evaluation.metrics.table import METRICS
from bcdcodec.evaluation.report.figures import picture_grid, pyplot, save_figure
from bcdcodec.studies.rate_distortion.measure import Bench, sheet_frame
from bcdcodec.studies.rate_distortion.plan import FREEZE_FRAME, OWN, Series
from bcdcodec.studies.rate_distortion.published import SOURCE, published
from bcdcodec.studies.rate_distortion.scores import Curve, RDPoint, RDResult

_MARKS = "os^vDP*X"
#: Dash patterns of published curves; measured curves are solid.
_DASHES = ((6, 2), (2, 2), (8, 2, 2, 2), (1, 1.5), (4, 1, 1, 1, 1, 1))
_TICKS = (1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)


def rd_plot(
    path: Path,
    curves: Sequence[Curve],
    *,
    order: Sequence[str],
    freeze_frame: float | None,
) -> None:
    """Plot one metric over kbps (logarithmic, from 1).

    Published curves are dashed, named beside them, their source below the plot. order: names of all series, which fix
    their colors in all plots. freeze_frame: value of the freeze frame, a dotted line.
    """
    if not curves:
        raise ConfigError("a plot needs at least one curve, found 0")
    metric = METRICS[curves[0].metric]
    figure, axes = pyplot().subplots(figsize=(9, 6), layout="constrained")
    for curve in curves:
        own, index = curve.series.startswith(OWN), order.index(curve.series)
        style: dict[str, Any] = {"linewidth": 3, "color": "black"} if own else {"linewidth": 1.2, "color": f"C{index}"}
        axes.plot(curve.kbps, curve.values, marker=_MARKS[index % len(_MARKS)], label=curve.series, **style)
    low = min(1.0, *(rate * 0.95 for curve in curves for rate in curve.kbps[:1]))
    high = max(rate for curve in curves for rate in curve.kbps) * 1.1
    dashed = published(metric.name)
    for index, curve in enumerate(dashed):
        dashes = _DASHES[index % len(_DASHES)]
        axes.plot(curve.kbps, curve.values, color="0.4", linewidth=1.2, dashes=dashes)
        if curve.kbps[0] <= high:  # named at its first point, where curves lie apart
            start = (curve.kbps[0], curve.values[0])
            axes.annotate(curve.series, start, xytext=(3, 3), textcoords="offset points", fontsize=7, color="0.3")
    if freeze_frame is not None:
        axes.axhline(freeze_frame, color="0.6", linestyle=":", linewidth=1.5, label="freeze frame, no bytes")
    axes.set_xscale("log")
    axes.set_xticks(_TICKS, [f"{tick:g}" for tick in _TICKS])
    axes.minorticks_off()
    axes.set_xlim(low, high)
    axes.set_xlabel(
        "kbps of payload, without the container (logarithmic)"
        + (f"\ndashed: published, other clips than the rest; {SOURCE}" if dashed else "")
    )
    unit = f", {metric.unit}" if metric.unit else ""
    axes.set_ylabel(f"{metric.name}{unit} ({'higher' if metric.higher_is_better else 'lower'} is better)")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, ncols=2)
    save_figure(figure, path)


def matched_rate_sheet(
    path: Path,
    results: Mapping[RDPoint, RDResult],
    bench: Bench,
    *,
    own: Series,
    operating_point: int,
    clips: Sequence[str],
) -> bool:
    """Write one row a clip: the source, bcdcodec at its operating point, and every other series of its frame rate at
    the point of the nearest rate (by ratio). Clips that lack a series are left out; False where all do.
    """
    others = [series for series in dict.fromkeys(item.series for item in results) if series.rate == own.rate]
    shown = [series for series in others if series.codec not in (OWN, FREEZE_FRAME)]
    rows, captions = [], []
    for clip in clips:
        by_point = {(item.series, item.operating_point): item for item in results if item.clip == clip}
        first = by_point.get((own, operating_point))
        if first is None or {*shown} - {series for series, _ in by_point}:
            continue
        kbps, chosen = results[first].kbps, [first]
        for series in shown:
            of_series = [item for item in by_point.values() if item.series == series]
            chosen.append(min(of_series, key=lambda item: abs(math.log(results[item].kbps / kbps))))
        source = read_frames(first.source, own.rate)
        rows.append([source[sheet_frame(len(source))], *(bench.picture(item) for item in chosen)])
        captions.append([clip, *(f"{results[item].kbps:.2f} kbps" for item in chosen)])
    if rows:
        columns = ["source", own.name, *(series.name for series in shown)]
        picture_grid(path, rows, columns=columns, captions=captions)
    return bool(rows)
