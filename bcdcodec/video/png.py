"""Pixels -> a PNG file, in the few lines that it takes: zlib is all it needs. In: RGB, a text. Out: bytes."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

SIGNATURE = b"\x89PNG\r\n\x1a\n"


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
