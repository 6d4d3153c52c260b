"""Codes as a picture. In: code streams. Out: RGB rasters, time to the right, one row a group.

Each code has its own colour, so that what repeats, jumps or stands still is seen at a glance.
"""

import colorsys

import numpy as np
from numpy.typing import NDArray

#: Side of the square that one code gets, and rows of white between two rasters.
CELL, GAP = 4, 8


def code_raster(codes: NDArray[np.integer], *, entries: int) -> NDArray[np.uint8]:
    """Codes [T, G] as pixels uint8 [G * CELL, T * CELL, 3]."""
    wheel = [colorsys.hsv_to_rgb(code / entries, 0.75, 0.95 if code % 2 else 0.6) for code in range(entries)]
    colors = (255 * np.array(wheel)).round().astype(np.uint8)
    return colors[codes.T].repeat(CELL, 0).repeat(CELL, 1)


def stacked(rasters: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Rasters one above the other, narrow ones filled up with white."""
    width = max(raster.shape[1] for raster in rasters)
    rows = []
    for raster in rasters:
        rows += [np.pad(raster, ((0, GAP), (0, width - raster.shape[1]), (0, 0)), constant_values=255)]
    return np.concatenate(rows)[:-GAP]
