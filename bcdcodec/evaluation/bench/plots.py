"""Curves and pictures -> PNG files. In: curves of one metric; decoded pictures in a grid. Out: files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.bench.curves import Curve
from bcdcodec.evaluation.bench.series import OWN
from bcdcodec.evaluation.figure import pyplot, save_figure
from bcdcodec.evaluation.metrics.table import METRICS

_MARKS = "os^vDP*X"
#: Of published curves, each its own; nothing measured is dashed.
_DASHES = ((6, 2), (2, 2), (8, 2, 2, 2), (1, 1.5), (4, 1, 1, 1, 1, 1))
_TICKS = (1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)


def rd_plot(
    path: Path,
    curves: Sequence[Curve],
    references: Sequence[Curve],
    *,
    order: Sequence[str],
    source: str,
    held: float | None,
) -> None:
    """kbps (logarithmic, from 1) against one metric. bcdcodec is thick; references are dashed, each with its name
    beside it, and their source below. order: every series there could be, so that each looks alike in all
    plots. held: the value of the first frame held, a dotted line, as it has no bytes.
    """
    if not curves:
        raise ConfigError("a plot needs at least one curve, found 0")
    metric = METRICS[curves[0].metric]
    figure, axes = pyplot().subplots(figsize=(9, 6), layout="constrained")
    for item in curves:
        own, index = item.series.startswith(OWN), order.index(item.series)
        style: dict[str, Any] = {"linewidth": 3, "color": "black"} if own else {"linewidth": 1.2, "color": f"C{index}"}
        axes.plot(item.kbps, item.values, marker=_MARKS[index % len(_MARKS)], label=item.series, **style)
    low = min(1.0, *(rate * 0.95 for item in curves for rate in item.kbps[:1]))
    high = max(rate for item in curves for rate in item.kbps) * 1.1
    for index, item in enumerate(references):
        dashes = _DASHES[index % len(_DASHES)]
        axes.plot(item.kbps, item.values, color="0.4", linewidth=1.2, dashes=dashes)
        _name_beside(axes, item, high)
    if held is not None:
        axes.axhline(held, color="0.6", linestyle=":", linewidth=1.5, label="first frame held, no bytes")
    axes.set_xscale("log")
    axes.set_xticks(_TICKS, [f"{tick:g}" for tick in _TICKS])
    axes.minorticks_off()
    axes.set_xlim(low, high)
    axes.set_xlabel(
        "kbps of payload, without the container (logarithmic)"
        + (f"\ndashed: published, other clips than the rest; {source}" if references else "")
    )
    unit = f", {metric.unit}" if metric.unit else ""
    axes.set_ylabel(f"{metric.name}{unit} ({'higher' if metric.higher_is_better else 'lower'} is better)")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, ncols=2)
    save_figure(figure, path)


def _name_beside(axes: Any, item: Curve, high: float) -> None:
    """At the first point, where they lie apart, so that no legend has to be searched for their dashes."""
    if item.kbps[0] <= high:
        axes.annotate(
            item.series,
            (item.kbps[0], item.values[0]),
            xytext=(3, 3),
            textcoords="offset points",
            fontsize=7,
            color="0.3",
        )


def picture_sheet(
    path: Path,
    rows: Sequence[Sequence[NDArray[np.uint8]]],
    *,
    above: Sequence[str],
    captions: Sequence[Sequence[str]],
) -> None:
    """A grid of square pictures: names of the columns above, a caption under each picture."""
    count, width = len(rows), len(rows[0])
    figure, axes = pyplot().subplots(count, width, figsize=(1.9 * width, 2.25 * count), squeeze=False)
    for i, row in enumerate(rows):
        for j, picture in enumerate(row):
            cell = axes[i][j]
            cell.imshow(picture)
            cell.set_xticks([])
            cell.set_yticks([])
            cell.set_xlabel(captions[i][j], fontsize=7)
            if i == 0:
                cell.set_title(above[j], fontsize=8)
    figure.tight_layout(pad=0.4)
    save_figure(figure, path)
