"""Codes as pictures."""

import numpy as np

from bcdcodec.evaluation.report.sheets import stack_pictures
from bcdcodec.studies.generation.pictures import CELL, GAP, code_plot


def test_each_code_has_its_place_and_color() -> None:
    codes = np.array([[0, 1], [0, 2], [3, 1]])  # three frames of two groups
    raster = code_plot(codes, entries=4)
    assert raster.shape == (2 * CELL, 3 * CELL, 3) and raster.dtype == np.uint8
    cells = raster[::CELL, ::CELL]
    assert (cells[0, 0] == cells[0, 1]).all() and (cells[1, 0] == cells[1, 2]).all()
    assert len({tuple(cell) for cell in cells.reshape(-1, 3).tolist()}) == 4


def test_rasters_stand_above_each_other() -> None:
    wide, narrow = code_plot(np.zeros((5, 2), int), entries=4), code_plot(np.zeros((3, 2), int), entries=4)
    picture = stack_pictures([wide, narrow], gap=GAP)
    assert picture.shape == (4 * CELL + GAP, 5 * CELL, 3)
    assert (picture[-1, -1] == 255).all() and (picture[0, -1] != 255).any()
