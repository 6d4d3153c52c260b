"""Scores to probability rows, in integers alone (spec section 6.5). In: integer scores. Out: counts summing to 2**16.

A score is worth 2 to its power in units of 1/1024 bit: a symbol that stands 1024 below another is half as probable.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.entropy.tables import TOTAL

#: Scores in one bit, and the finer steps of a bit that weights tell apart.
SCORES_PER_BIT, STEPS_PER_BIT = 1024, 32
SCORES_PER_STEP = SCORES_PER_BIT // STEPS_PER_BIT
#: The weight of the best score is two to this; a weight of 0 still gets one count.
WEIGHT_BITS = 24


def _root32(number: int) -> int:
    """The largest integer whose 32nd power is at most `number`."""
    for _ in range(5):
        number = math.isqrt(number)
    return number


#: The weight that many steps below the best: 2**(24 - steps / 32), rounded down; exact on every machine.
WEIGHTS: NDArray[np.int64] = np.array(
    [_root32(1 << STEPS_PER_BIT * WEIGHT_BITS - step) for step in range(STEPS_PER_BIT * WEIGHT_BITS + 1)] + [0],
    np.int64,
)


def softmax_counts(scores: NDArray[Any]) -> NDArray[np.int64]:
    """Integer scores [..., entries] -> counts [..., entries] that sum to 2**16, none of them zero.

    Every entry gets one count, the rest is shared by weight and rounded down; the first of the best takes what is
    left over.
    """
    best = scores.max(axis=-1, keepdims=True)
    weights = WEIGHTS[np.minimum((best - scores) // SCORES_PER_STEP, len(WEIGHTS) - 1)]
    free = TOTAL - scores.shape[-1]
    counts: NDArray[np.int64] = 1 + weights * free // weights.sum(axis=-1, keepdims=True)
    rows = counts.reshape(-1, scores.shape[-1])  # a view: counts are new and contiguous
    rows[np.arange(len(rows)), weights.argmax(axis=-1).reshape(-1)] += TOTAL - rows.sum(axis=-1)
    return counts
