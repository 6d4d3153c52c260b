"""95 % confidence intervals of means, with subjects as the sampling unit.

Student's t: its coverage holds for few subjects too, where a bootstrap is too narrow. Clips of one person are alike,
so they are averaged first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, mean, stdev

from bcdcodec.errors import ConfigError

#: Verdicts on an interval of gains.
BETTER, WORSE, EVEN, TOO_FEW = "better", "worse", "not significant", "too few people"
#: With fewer people the variance estimate is too uncertain for a verdict.
MIN_PEOPLE = 6
#: 97.5 % points of Student's t of 1 to 10 degrees of freedom; `t_point` is exact to 0.0001 above.
_T = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281)
_QUANTILE = 0.975


@dataclass(frozen=True, slots=True)
class Interval:
    """mean, and the bounds of the 95 % interval, None of one person. people: sample size."""

    mean: float
    low: float | None
    high: float | None
    people: int

    def text(self, digits: int) -> str:
        """`26.24 (25.61 to 26.90)`; of one person the mean alone."""
        if self.low is None or self.high is None:
            return f"{self.mean:.{digits}f}"
        return f"{self.mean:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"

    @property
    def sign(self) -> int | None:
        """1 or -1 where the interval lies on one side of 0, else 0; None of fewer than MIN_PEOPLE."""
        if self.people < MIN_PEOPLE or self.low is None or self.high is None:
            return None
        return (self.low > 0) - (self.high < 0)

    @property
    def verdict(self) -> str:
        """BETTER, WORSE or EVEN of an interval of gains; TOO_FEW of fewer than MIN_PEOPLE."""
        return {1: BETTER, -1: WORSE, 0: EVEN, None: TOO_FEW}[self.sign]


def interval(values: Sequence[float]) -> Interval:
    """The interval of independent values, one a person. ConfigError without any."""
    if not values:
        raise ConfigError("an interval needs at least one value, found 0")
    sample = [float(value) for value in values]
    count = len(sample)
    if count == 1:
        return Interval(sample[0], None, None, 1)
    middle, half = mean(sample), t_point(count - 1) * stdev(sample) / count**0.5
    return Interval(middle, middle - half, middle + half, count)


def interval_of_people(values: Mapping[str, Sequence[float]]) -> Interval:
    """The interval of the people's means: person -> values. ConfigError without any."""
    return interval([mean(own) for own in values.values() if own])


def t_point(freedom: int) -> float:
    """97.5 % quantile of Student's t for 1 or more degrees of freedom."""
    if freedom <= len(_T):
        return _T[freedom - 1]
    # The expansion of Abramowitz and Stegun, 26.7.5.
    z = NormalDist().inv_cdf(_QUANTILE)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return sum(term / freedom**power for power, term in enumerate(terms))
