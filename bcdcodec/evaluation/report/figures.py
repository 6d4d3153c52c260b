"""Figures by matplotlib, which is optional, written as whole PNG files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.atomic import write_with
from bcdcodec.errors import MissingExtraError, install_command

DPI = 110


def pyplot() -> Any:
    """`matplotlib.pyplot`, drawing without a screen; MissingExtraError where it is not installed."""
    try:
        import matplotlib
    except ImportError:
        raise MissingExtraError(f"plots need matplotlib: {install_command('bench')}") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def save_figure(figure: Any, path: Path) -> None:
    """Write a PNG and close the figure; equal figures give equal bytes."""
    write_with(path, lambda partial: figure.savefig(partial, dpi=DPI, metadata={"Software": None}))
    pyplot().close(figure)


def picture_grid(
    path: Path,
    rows: Sequence[Sequence[NDArray[np.uint8]]],
    *,
    columns: Sequence[str],
    captions: Sequence[Sequence[str]],
) -> None:
    """A grid of square pictures with a title above each column and a caption under each picture."""
    count, width = len(rows), len(rows[0])
    figure, axes = pyplot().subplots(count, width, figsize=(1.9 * width, 2.25 * count), squeeze=False)
    for i, row in enumerate(rows):
        for j, picture in enumerate(row):
            axis = axes[i][j]
            axis.imshow(picture)
            axis.set_xticks([])
            axis.set_yticks([])
            axis.set_xlabel(captions[i][j], fontsize=7)
            if i == 0:
                axis.set_title(columns[j], fontsize=8)
    figure.tight_layout(pad=0.4)
    save_figure(figure, path)
