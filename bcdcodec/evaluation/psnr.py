"""Closeness of pictures as numbers. In: two uint8 RGB pictures. Out: peak signal-to-noise ratio in dB."""

import math

import numpy as np
from numpy.typing import NDArray

#: Equal pictures would have an infinite ratio; they get that of the error that rounding to 8 bits leaves (58.9 dB).
MIN_SQUARED_ERROR = 1 / 12


def psnr_db(found: NDArray[np.uint8], expected: NDArray[np.uint8]) -> float:
    """Over all pixels and the three channels together; shapes must be equal."""
    difference = found.astype(np.float64) - expected
    return 10 * math.log10(255**2 / max(float(np.mean(difference**2)), MIN_SQUARED_ERROR))
