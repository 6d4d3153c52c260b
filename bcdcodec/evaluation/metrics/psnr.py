"""Peak signal-to-noise ratio (PSNR) of 8-bit RGB pictures, in dB; higher is better."""

import math

import numpy as np
from numpy.typing import NDArray

from bcdcodec.evaluation.metrics.pair import Values, Video, check_pair

#: Mean squared error of rounding to 8 bits (58.9 dB), the floor that keeps the ratio of equal pictures finite.
MIN_SQUARED_ERROR = 1 / 12


def psnr_db(found: NDArray[np.uint8], expected: NDArray[np.uint8]) -> float:
    """PSNR over all pixels and the three channels together; shapes must be equal."""
    difference = found.astype(np.float64) - expected
    return 10 * math.log10(255**2 / max(float(np.mean(difference**2)), MIN_SQUARED_ERROR))


def psnr(found: Video, expected: Video) -> Values:
    """PSNR of every frame on its own."""
    check_pair(found, expected)
    return np.array([psnr_db(*pair) for pair in zip(found, expected, strict=True)])
