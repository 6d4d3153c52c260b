"""BD-rates of two mean curves: difference in bytes at equal quality.

Bjontegaard, VCEG-M33, with Akima interpolation (monotone cubic, where a curve has 2 or 3 points), over the qualities
that both curves reach, not extrapolated. A point that costs more than one before and is no better is left out.
"""

import warnings
from dataclasses import dataclass
from typing import Any

from bcdcodec.errors import MissingExtraError, install_command
from bcdcodec.evaluation.metrics.table import METRICS
from bcdcodec.studies.rate_distortion.scores import Curve

#: Points that a curve needs, after those that are no better than cheaper ones are left out, and those that Akima's
#: interpolation does.
MIN_POINTS, AKIMA_POINTS = 2, 4
#: An overlap below this share of the union of both ranges is marked thin.
MIN_SHARE = 0.25
ALWAYS_BETTER, ALWAYS_WORSE = "always better", "always worse"
FEW_POINTS, NO_OVERLAP = "- (one point is no curve)", "- (no common quality)"


@dataclass(frozen=True, slots=True, kw_only=True)
class BdRate:
    """BD-rate of `series` against `baseline` by one metric.

    percent: bytes over those of the baseline at equal quality, minus 100 %; None where it is undefined, and `why` is
    ALWAYS_BETTER or ALWAYS_WORSE (in quality, at any rate), FEW_POINTS or NO_OVERLAP. overlap: range of qualities
    compared; share: of the union of both ranges; points: used of either curve.
    """

    series: str
    baseline: str
    metric: str
    percent: float | None
    why: str
    overlap: tuple[float, float] | None
    share: float
    points: tuple[int, int]


def bd_rate(tested: Curve, baseline: Curve) -> BdRate:
    """BD-rate of one curve against another of the same metric. MissingExtraError without the package bjontegaard."""
    sign = METRICS[tested.metric].sign
    (rates, qualities), (baseline_rates, expected) = (_rising(item, sign) for item in (tested, baseline))
    low, high = max(qualities[0], expected[0]), min(qualities[-1], expected[-1])
    percent, overlap, share, why = None, None, 0.0, ""
    # Over all points: the rising ones may lack a cheap and bad one.
    own, others = ([sign * value for value in item.values] for item in (tested, baseline))
    if min(own) > max(others):
        why = ALWAYS_BETTER
    elif max(own) < min(others):
        why = ALWAYS_WORSE
    elif min(len(qualities), len(expected)) < MIN_POINTS:
        why = FEW_POINTS
    elif low >= high:
        why = NO_OVERLAP
    else:
        overlap = (min(sign * low, sign * high), max(sign * low, sign * high))
        share = (high - low) / (max(qualities[-1], expected[-1]) - min(qualities[0], expected[0]))
        method = "akima" if min(len(qualities), len(expected)) >= AKIMA_POINTS else "pchip"
        settings = {"method": method, "require_matching_points": False, "min_overlap": 0}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a small overlap is reported as `share`
            percent = float(bjontegaard().bd_rate(baseline_rates, expected, rates, qualities, **settings))
    return BdRate(
        series=tested.series,
        baseline=baseline.series,
        metric=tested.metric,
        percent=percent,
        why=why,
        overlap=overlap,
        share=share,
        points=(len(qualities), len(expected)),
    )


def bjontegaard() -> Any:
    """The package `bjontegaard`; MissingExtraError without it."""
    try:
        import bjontegaard as package
    except ImportError:
        raise MissingExtraError(f"BD-rates need the package bjontegaard: {install_command('bench')}") from None
    return package


def _rising(item: Curve, sign: float) -> tuple[list[float], list[float]]:
    """The points of a curve whose rate and quality both rise."""
    rates: list[float] = []
    qualities: list[float] = []
    for rate, value in zip(item.kbps, item.values, strict=True):
        if not qualities or (sign * value > qualities[-1] and rate > rates[-1]):
            rates.append(rate)
            qualities.append(sign * value)
    return rates, qualities
