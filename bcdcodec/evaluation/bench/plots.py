"""Curves and pictures -> PNG files. In: curves of one metric; decoded pictures in a grid. Out: files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.errors import ConfigError, MissingExtraError
from bcdcodec.evaluation.bench.curves import Curve
from bcdcodec.evaluation.bench.series import OWN
from bcdcodec.evaluation.files import write_whole_by
from bcdcodec.evaluation.metrics.table import METRICS

_DPI = 110
_MARKS = "os^vDP*X"


def rd_plot(path: Path, curves: Sequence[Curve], references: Sequence[Curve], *, source: str) -> None:
    """kbps (logarithmic) against one metric; bcdcodec thick, references dashed and grey with their source below."""
    if not curves:
        raise ConfigError("a plot needs at least one curve, found 0")
    metric = METRICS[curves[0].metric]
    figure, axes = _pyplot().subplots(figsize=(9, 6), layout="constrained")
    for index, item in enumerate(curves):
        own = item.series.startswith(OWN)
        style: dict[str, Any] = {"linewidth": 3, "color": "black"} if own else {"linewidth": 1.2}
        axes.plot(item.kbps, item.values, marker=_MARKS[index % len(_MARKS)], label=item.series, **style)
    for index, item in enumerate(references):
        grey = str(0.3 + 0.5 * index / max(1, len(references)))
        axes.plot(item.kbps, item.values, linestyle="--", color=grey, label=f"{item.series}, published")
    axes.set_xscale("log")
    ticks = [1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    rates = [rate for item in curves for rate in item.kbps]
    axes.set_xlim(min(rates) * 0.9, max(rates) * 1.1)
    axes.set_xlabel("kbps" + (f"\ndashed: {source}; other clips than the rest" if references else ""))
    unit = f", {metric.unit}" if metric.unit else ""
    axes.set_ylabel(f"{metric.name}{unit} ({'higher' if metric.higher_is_better else 'lower'} is better)")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, ncols=2)
    _save(figure, path)


def picture_sheet(
    path: Path,
    rows: Sequence[Sequence[NDArray[np.uint8]]],
    *,
    above: Sequence[str],
    captions: Sequence[Sequence[str]],
) -> None:
    """A grid of square pictures: names of the columns above, a caption under each picture."""
    count, width = len(rows), len(rows[0])
    figure, axes = _pyplot().subplots(count, width, figsize=(1.9 * width, 2.25 * count), squeeze=False)
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
    _save(figure, path)


def _pyplot() -> Any:
    try:
        import matplotlib
    except ImportError:
        raise MissingExtraError("plots need matplotlib: pip install 'bcdcodec[bench]'") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def _save(figure: Any, path: Path) -> None:
    write_whole_by(path, lambda partial: figure.savefig(partial, dpi=_DPI, metadata={"Software": None}))
    _pyplot().close(figure)
