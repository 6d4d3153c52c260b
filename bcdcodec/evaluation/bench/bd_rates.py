"""How many bytes more or fewer for the same quality. In: two curves of one metric. Out: a `BdRate`, or why none.

Bjontegaard, VCEG-M33, with Akima interpolation, of the mean curves over the clips; over the qualities that both have,
not extrapolated. A point that costs more than one before and is no better is left out.
"""

import warnings
from dataclasses import dataclass
from typing import Any

from bcdcodec.errors import MissingExtraError
from bcdcodec.evaluation.bench.curves import Curve
from bcdcodec.evaluation.metrics.table import METRICS

#: Of each curve, after points that are no better than cheaper ones are left out.
LEAST_POINTS = 4
#: An overlap is thin below this share of all qualities that the two curves reach together.
THIN = 0.25
ALWAYS_BETTER, ALWAYS_WORSE, FEW_POINTS = "always better", "always worse", "too few points"


@dataclass(frozen=True, slots=True, kw_only=True)
class BdRate:
    """percent: how many percent more bytes `series` takes than `anchor` for the same quality; None where it cannot be
    said, and `why` is ALWAYS_BETTER or ALWAYS_WORSE (in quality, whatever the bytes) or FEW_POINTS.

    overlap: the qualities compared; share: of all that both reach together; points: of both curves that were used.
    """

    series: str
    anchor: str
    metric: str
    percent: float | None
    why: str
    overlap: tuple[float, float] | None
    share: float
    points: tuple[int, int]


def bd_rate(tested: Curve, anchor: Curve) -> BdRate:
    """MissingExtraError without the package bjontegaard."""
    sign = 1.0 if METRICS[tested.metric].higher_is_better else -1.0
    (rates, found), (anchor_rates, expected) = (_rising(item, sign) for item in (tested, anchor))
    low, high = max(found[0], expected[0]), min(found[-1], expected[-1])
    percent, overlap, share, why = None, None, 0.0, ""
    # Not of the rising points: what is cheap and bad may have been left out of them.
    worst, best = min(sign * value for value in tested.values), max(sign * value for value in tested.values)
    other_worst, other_best = min(sign * value for value in anchor.values), max(sign * value for value in anchor.values)
    if worst > other_best:
        why = ALWAYS_BETTER
    elif best < other_worst:
        why = ALWAYS_WORSE
    elif min(len(found), len(expected)) < LEAST_POINTS or low >= high:
        why = FEW_POINTS
    else:
        overlap = (min(sign * low, sign * high), max(sign * low, sign * high))
        share = (high - low) / (max(found[-1], expected[-1]) - min(found[0], expected[0]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a small overlap, which is reported
            percent = float(
                bjontegaard().bd_rate(
                    anchor_rates,
                    expected,
                    rates,
                    found,
                    method="akima",
                    require_matching_points=False,
                    min_overlap=0,
                )
            )
    return BdRate(
        series=tested.series,
        anchor=anchor.series,
        metric=tested.metric,
        percent=percent,
        why=why,
        overlap=overlap,
        share=share,
        points=(len(found), len(expected)),
    )


def bjontegaard() -> Any:
    """The package; MissingExtraError without it."""
    try:
        import bjontegaard as package
    except ImportError:
        raise MissingExtraError("BD-rates need the package bjontegaard: pip install 'bcdcodec[bench]'") from None
    return package


def _rising(item: Curve, sign: float) -> tuple[list[float], list[float]]:
    """Rates and qualities that both rise."""
    rates: list[float] = []
    qualities: list[float] = []
    for rate, value in zip(item.kbps, item.values, strict=True):
        if not qualities or (sign * value > qualities[-1] and rate > rates[-1]):
            rates.append(rate)
            qualities.append(sign * value)
    return rates, qualities
