"""Strips of pictures, one above the other. In: strips of measure.py. Out: a contact sheet."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bcdcodec.errors import ConfigError
from bcdcodec.video.crop import scale

Pixels = NDArray[np.uint8]

#: White rows between two clips.
GAP = 6


def contact_sheet(strips: Sequence[Pixels], *, cell: int) -> Pixels:
    """Strips of two rows of square pictures, scaled to `cell` pixels a picture, one above the other."""
    if not strips:
        raise ConfigError("a contact sheet needs at least one strip, found 0")
    small = [scale(strip, strip.shape[1] * 2 * cell // strip.shape[0], 2 * cell) for strip in strips]
    width = max(strip.shape[1] for strip in small)
    rows: list[Pixels] = []
    for strip in small:
        rows.append(np.pad(strip, ((0, 0), (0, width - strip.shape[1]), (0, 0)), constant_values=255))
        rows.append(np.full((GAP, width, 3), 255, np.uint8))
    return np.concatenate(rows[:-1])
