"""Characters from the sprite sheets of the Liberated Pixel Cup.

    body, bottomwear, topwear, hair, shoes: 832x1344 RGBA, 13 x 21 cells of 64x64
      -> one sheet of each, laid over one another on black -> the 63 cells that motions use, RGB

The sheets are CC-BY-SA-3.0 and GPL-3.0 and no part of this package; they come with the repository YingzhenLi/Sprites on
GitHub (folders body, bottomwear, topwear, hair, shoes of npy/ or lpc-dataset/), assembled from opengameart.org.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.errors import ConfigError
from bcdcodec.video.lossless import read_rgba

CELL, COLUMNS, ROWS = 64, 13, 21
#: From the bottom up: what lies over what.
LAYERS = ("body", "bottomwear", "topwear", "hair", "shoes")
#: Layers that differ between characters, in the order of the labels, and how many sheets of each.
ATTRIBUTES = ("body", "bottomwear", "topwear", "hair")
#: What those are called in the paper's table.
ATTRIBUTE_NAMES = ("skin", "pants", "top", "hair")
VALUES = 6
SHOES = 1
CHARACTERS = VALUES ** len(ATTRIBUTES)


@dataclass(frozen=True, slots=True)
class Motion:
    """A motion, such as "walk-front", and the cells of its frames on a sheet, row by row."""

    name: str
    cells: tuple[int, ...]


def _motions() -> tuple[Motion, ...]:
    steps = {
        "walk": ((131, 118, 144), (7, 0, 1, 2, 3, 4, 5, 6)),
        "spellcard": ((26, 13, 39), (0, 1, 2, 3, 4, 5, 4, 6)),
        "slash": ((182, 169, 195), (0, 1, 2, 3, 4, 5, 4, 0)),
    }
    return tuple(
        Motion(f"{action}-{direction}", tuple(base + offset for offset in offsets))
        for action, (bases, offsets) in steps.items()
        for direction, base in zip(("front", "left", "right"), bases, strict=True)
    )


#: The nine actions, in the order of the labels: 3 * action + direction.
MOTIONS = _motions()
#: Every cell that a motion shows, sorted: the true poses; an index into this list is the number of a pose.
POSES = tuple(sorted(set(itertools.chain.from_iterable(motion.cells for motion in MOTIONS))))


def attributes(character: int) -> tuple[int, ...]:
    """Sheet of each of ATTRIBUTES of a character, 0 <= character < CHARACTERS; hair counts fastest."""
    digits = range(len(ATTRIBUTES) - 1, -1, -1)
    return tuple(character // VALUES**digit % VALUES for digit in digits)


class Sheets:
    """All sheets in memory, reduced to the cells of POSES: [63, 64, 64, 4] each."""

    def __init__(self, folder: Path) -> None:
        self._cells = {(layer, i): _read(folder / layer / f"{i}.png") for layer in ATTRIBUTES for i in range(VALUES)}
        self._cells["shoes", SHOES] = _read(folder / "shoes" / f"{SHOES}.png")

    def character(self, character: int) -> NDArray[np.uint8]:
        """RGB of every pose of a character over black: uint8 [63, 64, 64, 3], in the order of POSES."""
        worn = {**dict(zip(ATTRIBUTES, attributes(character), strict=True)), "shoes": SHOES}
        picture = np.zeros((len(POSES), CELL, CELL, 3), np.uint32)
        for layer in LAYERS:
            cells = self._cells[layer, worn[layer]].astype(np.uint32)
            alpha = cells[..., 3:]
            picture = (cells[..., :3] * alpha + picture * (255 - alpha) + 127) // 255
        return picture.astype(np.uint8)


def _read(path: Path) -> NDArray[np.uint8]:
    if not path.exists():
        raise ConfigError(
            f"{path} is missing; the sheets come with github.com/YingzhenLi/Sprites, in folders {', '.join(LAYERS)}"
        )
    sheet = read_rgba(path)
    if sheet.shape != (ROWS * CELL, COLUMNS * CELL, 4):
        raise ConfigError(f"{path} is {sheet.shape[1]}x{sheet.shape[0]}, a sheet has {COLUMNS * CELL}x{ROWS * CELL}")
    cells = sheet.reshape(ROWS, CELL, COLUMNS, CELL, 4).swapaxes(1, 2).reshape(-1, CELL, CELL, 4)
    return cells[list(POSES)]
