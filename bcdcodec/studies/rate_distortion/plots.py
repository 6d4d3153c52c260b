"""Plots of rate-distortion curves, and a sheet of all codecs at matched rate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.harness.clips import read_frames
from bcdcodec.evaluation.metrics.table import METRICS
from bcdcodec.evaluation.report.figures import pyplot, save_figure
from bcdcodec.studies.rate_distortion.plan import FREEZE_FRAME, OWN, Series
from bcdcodec.studies.rate_distortion.rd_point import RDPoint, RDResult, sheet_frame
from bcdcodec.studies.rate_distortion.results import Curve
from bcdcodec.studies.rate_distortion.store import PointStore

_MARKS = "os^vDP*X"
#: Dash patterns of published curves; measured curves are solid.
_DASHES = ((6, 2), (2, 2), (8, 2, 2, 2), (1, 1.5), (4, 1, 1, 1, 1, 1))
_TICKS = (1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)


def rd_plot(
    path: Path,
    curves: Sequence[Curve],
    published: Sequence[Curve],
    *,
    order: Sequence[str],
    source: str,
    freeze_frame: float | None,
) -> None:
    """kbps (logarithmic, from 1) against one metric.

    published: dashed curves, named beside them, their source below the plot. order: names of all series, which fix
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
    for index, curve in enumerate(published):
        dashes = _DASHES[index % len(_DASHES)]
        axes.plot(curve.kbps, curve.values, color="0.4", linewidth=1.2, dashes=dashes)
        if curve.kbps[0] <= high:
            _annotate(axes, curve)
    if freeze_frame is not None:
        axes.axhline(freeze_frame, color="0.6", linestyle=":", linewidth=1.5, label="freeze frame, no bytes")
    axes.set_xscale("log")
    axes.set_xticks(_TICKS, [f"{tick:g}" for tick in _TICKS])
    axes.minorticks_off()
    axes.set_xlim(low, high)
    axes.set_xlabel(
        "kbps of payload, without the container (logarithmic)"
        + (f"\ndashed: published, other clips than the rest; {source}" if published else "")
    )
    unit = f", {metric.unit}" if metric.unit else ""
    axes.set_ylabel(f"{metric.name}{unit} ({'higher' if metric.higher_is_better else 'lower'} is better)")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, ncols=2)
    save_figure(figure, path)


def _annotate(axes: Any, curve: Curve) -> None:
    """Name a curve at its first point, where curves lie apart."""
    axes.annotate(
        curve.series,
        (curve.kbps[0], curve.values[0]),
        xytext=(3, 3),
        textcoords="offset points",
        fontsize=7,
        color="0.3",
    )


@dataclass(frozen=True, slots=True)
class Sheet:
    """rows of pictures; columns: their titles; captions: clip or kbps under each picture."""

    rows: list[list[NDArray[np.uint8]]]
    columns: list[str]
    captions: list[list[str]]


def matched_rate_sheet(
    results: Mapping[RDPoint, RDResult],
    store: PointStore,
    *,
    own: Series,
    operating_point: int,
    clips: Sequence[str],
) -> Sheet:
    """One row a clip: the source, bcdcodec at its operating point, and every other series of its frame rate at the
    point of the nearest rate (by ratio). Clips that lack a series are left out.
    """
    others = [series for series in dict.fromkeys(item.series for item in results) if series.rate == own.rate]
    shown = [own, *(series for series in others if series.codec not in (OWN, FREEZE_FRAME))]
    rows, captions = [], []
    for clip in clips:
        of_clip = [item for item in results if item.clip == clip]
        matched = [item for item in of_clip if (item.series, item.operating_point) == (own, operating_point)]
        if not matched or {*shown} - {item.series for item in of_clip}:
            continue
        kbps = results[matched[0]].kbps
        chosen = [matched[0], *(_nearest(results, of_clip, series, kbps) for series in shown[1:])]
        source = read_frames(matched[0].source, own.rate)
        rows.append([source[sheet_frame(len(source))], *(store.picture(item) for item in chosen)])
        captions.append([clip, *(f"{results[item].kbps:.2f} kbps" for item in chosen)])
    return Sheet(rows, ["source", *(series.name for series in shown)], captions)


def _nearest(results: Mapping[RDPoint, RDResult], of_clip: Sequence[RDPoint], series: Series, kbps: float) -> RDPoint:
    points = [item for item in of_clip if item.series == series]
    return min(points, key=lambda item: abs(np.log(results[item].kbps / kbps)))
