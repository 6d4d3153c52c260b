"""Plots of motion codes: one colour a code, time to the right, one row a codebook.

Repeated, jumping and constant codes are seen at a glance.
"""

import colorsys

import numpy as np
from numpy.typing import NDArray

#: Side in pixels of the square of one code, and white rows between two plots.
CELL, GAP = 4, 8


def code_plot(codes: NDArray[np.integer], *, entries: int) -> NDArray[np.uint8]:
    """Codes [T, G] as pixels uint8 [G * CELL, T * CELL, 3]."""
    wheel = [colorsys.hsv_to_rgb(code / entries, 0.75, 0.95 if code % 2 else 0.6) for code in range(entries)]
    colors = (255 * np.array(wheel)).round().astype(np.uint8)
    return colors[codes.T].repeat(CELL, 0).repeat(CELL, 1)


def stack_plots(plots: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Plots one above the other, narrow ones padded with white."""
    width = max(plot.shape[1] for plot in plots)
    rows = [np.pad(plot, ((0, GAP), (0, width - plot.shape[1]), (0, 0)), constant_values=255) for plot in plots]
    return np.concatenate(rows)[:-GAP]
