"""Strips of pictures -> one PNG. In: strips of measure.py with their captions. Out: bytes of a contact sheet.

PNG is written here in a few lines, as zlib is all it needs; the captions travel inside the file as text.
"""

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bcdcodec.errors import ConfigError
from bcdcodec.video.crop import scale

Pixels = NDArray[np.uint8]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
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


def pack_png(pixels: Pixels, *, text: str = "") -> bytes:
    """RGB pixels [H, W, 3] as a PNG file; `text` goes into its Description."""
    height, width = pixels.shape[:2]
    # Each row as the difference to the one above (filter 2): half the size of plain rows for photographs.
    above = np.concatenate([np.zeros_like(pixels[:1]), pixels[:-1]])
    rows = np.concatenate([np.full((height, 1), 2, np.uint8), (pixels - above).reshape(height, -1)], axis=1)
    return b"".join(
        [
            SIGNATURE,
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
            _chunk(b"iTXt", b"Description\0\0\0\0\0" + text.encode()) if text else b"",
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
