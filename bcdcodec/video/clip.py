"""Clips that are cropped already. In: a media file. Out: squares of one size at a constant rate."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.video.crop import crop, largest_square
from bcdcodec.video.reader import VideoReader


def read_clip(path: Path, *, rate: Fraction, pixels: int) -> Iterator[NDArray[np.uint8]]:
    """Frames as uint8 [pixels, pixels, 3]: the largest centred square, no face is looked for. Raises VideoError."""
    with VideoReader(path, rate) as reader:
        box = largest_square(reader.width, reader.height)
        for frame in reader:
            yield crop(frame, box, pixels).pixels
