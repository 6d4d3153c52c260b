"""A mean and how far to trust it. In: one number a clip. Out: the mean with a 95 % interval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bcdcodec.errors import ConfigError

DRAWS = 2000
_ENDS = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Interval:
    """mean, and the ends between which 95 % of the means of redrawn clips lie (percentile bootstrap, Efron 1979)."""

    mean: float
    low: float
    high: float

    def text(self, digits: int) -> str:
        """`26.24 (25.61 to 26.90)`."""
        return f"{self.mean:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


def interval(values: Sequence[float], *, seed: int = 0) -> Interval:
    """ConfigError without a value; of one value the interval has no width, which says nothing."""
    if not values:
        raise ConfigError("an interval needs at least one value, found 0")
    found = np.asarray(values, np.float64)
    draws = found[np.random.default_rng(seed).integers(len(found), size=(DRAWS, len(found)))].mean(1)
    low, high = np.percentile(draws, _ENDS)
    return Interval(float(found.mean()), float(low), float(high))
