"""Made-up sheets of the real layout: every layer of every cell is a coloured block whose place tells the cell."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from bcdcodec.sprites.sheets import ATTRIBUTES, CELL, COLUMNS, LAYERS, ROWS, SHOES, VALUES


def sheet(layer: str, value: int) -> np.ndarray:
    """Each layer has a band of its own; the colour tells the value, where the block lies tells the cell."""
    pixels = np.zeros((ROWS, COLUMNS, CELL, CELL, 4), np.uint8)
    band = 8 + 10 * LAYERS.index(layer)
    for row in range(ROWS):
        for column in range(COLUMNS):
            left = 2 + 4 * column + row % 4
            pixels[row, column, band : band + 8, left : left + 8] = (40 * value + 30, 255 - 40 * value, 100 + row, 255)
    pixels[..., 4:6, :, :] = (200, 100, 50, 128)  # half transparent, so that blending shows
    return pixels.swapaxes(1, 2).reshape(ROWS * CELL, COLUMNS * CELL, 4)


def write_png(path: Path, pixels: np.ndarray) -> None:
    codec = av.CodecContext.create("png", "w")
    codec.width, codec.height, codec.pix_fmt = pixels.shape[1], pixels.shape[0], "rgba"
    codec.time_base = Fraction(1)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgba")
    path.write_bytes(b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)]))


@pytest.fixture(scope="session")
def sheets_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sheets")
    for layer in LAYERS:
        (folder / layer).mkdir()
        for value in range(VALUES) if layer in ATTRIBUTES else (SHOES,):
            write_png(folder / layer / f"{value}.png", sheet(layer, value))
    return folder


@pytest.fixture(scope="session")
def sprites_folder(sheets_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set of three characters a part."""
    from bcdcodec.sprites.dataset import build

    folder = tmp_path_factory.mktemp("sprites")
    build(sheets_folder, folder, characters=3)
    return folder
