"""Reading of clips that are already framed around the face, as data sets and benchmarks have them."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.video.crop import crop, largest_square
from bcdcodec.video.reader import VideoReader


def read_clip(path: Path, *, rate: Fraction, pixels: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the largest centred square of every frame, uint8 [pixels, pixels, 3], without face detection.

    rate: frames per second. VideoError where the file cannot be read.
    """
    with VideoReader(path, rate) as reader:
        box = largest_square(reader.width, reader.height)
        for frame in reader:
            yield crop(frame, box, pixels).pixels
