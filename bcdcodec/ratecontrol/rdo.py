"""Rate-distortion optimised quantisation: the codes of least distortion that fit a bit budget.

For a multiplier lambda each code minimises distance + lambda * bits; lambda 0 gives the nearest entry, a large one the
cheapest.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bcdcodec.errors import RateError

Codes = NDArray[np.int64]
#: Halvings of the interval of lambda: beyond these, packets change by less than a byte.
BISECTIONS = 12


def rdo_quantize(
    distances: NDArray[np.float32],
    rate_bits: NDArray[np.float64],
    *,
    budget_bits: float,
    size_bits: Callable[[Codes], int],
) -> Codes:
    """Choose the codes of least distance whose coded size is within `budget_bits`.

    distances: [n, groups, entries]; rate_bits: [groups, entries] or [n, groups, entries]; size_bits: the true coded
    size of codes [n, groups]. RateError when even the min-rate codes are too large.
    """

    def codes_at(multiplier: float) -> Codes:
        return np.asarray(np.argmin(distances + multiplier * rate_bits, axis=-1), dtype=np.int64)

    codes = codes_at(0.0)
    if size_bits(codes) <= budget_bits:
        return codes
    high = 1e-3
    while size_bits(codes := codes_at(high)) > budget_bits:
        if high > 1e6:
            raise RateError(f"the cheapest codes take {size_bits(codes)} bits, allowed are {budget_bits:.0f}")
        high *= 4
    low = 0.0 if high <= 1e-3 else high / 4
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if size_bits(candidate := codes_at(middle)) <= budget_bits:
            high, codes = middle, candidate
        else:
            low = middle
    return codes
