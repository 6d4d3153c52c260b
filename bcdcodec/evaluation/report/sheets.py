"""Contact sheets: strips of pictures, one above the other, as PNG files."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.atomic import write_bytes
from bcdcodec.errors import ConfigError
from bcdcodec.video.crop import scale
from bcdcodec.video.lossless import pack_png
from bcdcodec.video.reader import VideoReader

Pixels = NDArray[np.uint8]

#: White rows between two strips.
GAP = 6


def save_png(path: Path, pixels: Pixels, *, text: str = "") -> None:
    """Write a picture uint8 [H, W, 3]; text: its description, such as the credits of its clips."""
    write_bytes(path, pack_png(pixels, text=text))


def load_png(path: Path) -> Pixels:
    """Read a picture uint8 [H, W, 3]."""
    with VideoReader(path, Fraction(1)) as reader:
        return next(iter(reader)).pixels


def spread_indices(count: int, limit: int) -> list[int]:
    """At most `limit` indices below `count`, evenly spread, both ends included."""
    return np.linspace(0, count - 1, min(limit, count)).round().astype(int).tolist() if count else []


def contact_sheet(strips: Sequence[Pixels], *, cell: int, rows: int = 2) -> Pixels:
    """Strips of `rows` rows of square pictures, scaled to `cell` pixels a picture, one above the other."""
    if not strips:
        raise ConfigError("a contact sheet needs at least one strip, found 0")
    height = rows * cell
    small = [scale(strip, strip.shape[1] * height // strip.shape[0], height) for strip in strips]
    return stack_pictures(small, gap=GAP)


def stack_pictures(pictures: Sequence[Pixels], *, gap: int) -> Pixels:
    """Pictures one above the other with white rows between them, narrow ones padded with white."""
    width = max(picture.shape[1] for picture in pictures)
    white = [((0, gap), (0, width - picture.shape[1]), (0, 0)) for picture in pictures]
    rows = [np.pad(picture, pad, constant_values=255) for picture, pad in zip(pictures, white, strict=True)]
    return np.concatenate(rows)[: -gap or None]
