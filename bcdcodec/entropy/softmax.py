"""Softmax to base 2 in integer arithmetic (spec section 6.5): scores to rows of counts that sum to 2**16.

Scores are log-probabilities in units of 1/1024 bit: a symbol whose score is 1024 lower is half as probable.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.entropy.tables import TOTAL

#: Score units in one bit, and the resolution of weights in steps per bit.
SCORES_PER_BIT, STEPS_PER_BIT = 1024, 32
SCORES_PER_STEP = SCORES_PER_BIT // STEPS_PER_BIT
#: log2 of the best score's weight; a symbol of weight 0 still gets one count.
WEIGHT_BITS = 24


def _root32(value: int) -> int:
    """The largest integer whose 32nd power is at most `value`, by five integer square roots."""
    for _ in range(5):
        value = math.isqrt(value)
    return value


#: Weight by the number of steps below the best score: 2**(24 - steps / 32), rounded down; integer on every machine.
WEIGHTS: NDArray[np.int64] = np.array(
    [_root32(1 << STEPS_PER_BIT * WEIGHT_BITS - step) for step in range(STEPS_PER_BIT * WEIGHT_BITS + 1)] + [0],
    np.int64,
)


def softmax_counts(scores: NDArray[Any]) -> NDArray[np.int64]:
    """Counts [..., entries] of at least 1 that sum to 2**16, from integer scores [..., entries].

    Every entry gets one count, the rest is shared in proportion to the weights and rounded down; the first entry of the
    largest weight gets the remainder.
    """
    best = scores.max(axis=-1, keepdims=True)
    weights = WEIGHTS[np.minimum((best - scores) // SCORES_PER_STEP, len(WEIGHTS) - 1)]
    free = TOTAL - scores.shape[-1]
    counts: NDArray[np.int64] = 1 + weights * free // weights.sum(axis=-1, keepdims=True)
    rows = counts.reshape(-1, scores.shape[-1])  # a view: counts are new and contiguous
    rows[np.arange(len(rows)), weights.argmax(axis=-1).reshape(-1)] += TOTAL - rows.sum(axis=-1)
    return counts
