"""Rate-distortion choice of codes. In: distances and prices of every code. Out: the codes that fit an allowance.

For a multiplier lambda each code minimises distance + lambda * bits; lambda 0 is the nearest entry, a large one the
cheapest.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bcdcodec.errors import RateError

Codes = NDArray[np.int64]
BISECTIONS = 12


def rdo_quantize(
    distances: NDArray[np.float32],
    rate_bits: NDArray[np.float64],
    *,
    allowance_bits: float,
    size_bits: Callable[[Codes], int],
) -> Codes:
    """The codes with the least distance whose coded size is within the allowance.

    distances: [n, groups, entries]; rate_bits: [groups, entries], or a list a frame; size_bits: true coded size of
    codes [n, groups].
    Raises RateError when even the cheapest codes are too large; the caller knows what to say about it.
    """

    def codes_at(multiplier: float) -> Codes:
        return np.asarray(np.argmin(distances + multiplier * rate_bits, axis=-1), dtype=np.int64)

    codes = codes_at(0.0)
    if size_bits(codes) <= allowance_bits:
        return codes
    high = 1e-3
    while size_bits(found := codes_at(high)) > allowance_bits:
        if high > 1e6:
            raise RateError(f"the cheapest codes take {size_bits(found)} bits, allowed are {allowance_bits:.0f}")
        high *= 4
    low = 0.0 if high <= 1e-3 else high / 4
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if size_bits(candidate := codes_at(middle)) <= allowance_bits:
            high, found = middle, candidate
        else:
            low = middle
    return found
