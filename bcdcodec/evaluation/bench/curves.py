"""Cells -> curves and comparisons. In: `CellResult`s. Out: mean curves, BD-rates, who wins at equal bytes.

A curve is the mean over the clips at each point of a series. BD-rate (Bjontegaard, VCEG-M33; Akima interpolation)
compares two curves over the qualities that both have; it is not extrapolated. The comparison at equal bytes goes clip
by clip: the rival's quality at the very rate of bcdcodec, read off its own curve, or its smallest point where it cannot
go so low, which favours it.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

import numpy as np

from bcdcodec.errors import MissingExtraError
from bcdcodec.evaluation.bench.cell import CellResult
from bcdcodec.evaluation.interval import Interval, interval
from bcdcodec.evaluation.metrics.table import METRICS


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Mean kbps and mean of one metric at each point of a series, by rising rate."""

    series: str
    metric: str
    kbps: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BdRate:
    """How many percent more bytes `series` takes than `anchor` for the same quality; overlap: of qualities compared.
    percent is None where the curves have no quality in common.
    """

    series: str
    anchor: str
    metric: str
    percent: float | None
    overlap: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """bcdcodec against a rival at the bytes of bcdcodec. gain: mean of the differences, positive is bcdcodec better.

    kbps: mean rate of bcdcodec; rival_kbps: mean rate the rival was read at; reached: clips in which it goes so low.
    """

    rival: str
    metric: str
    clips: int
    reached: int
    wins: int
    kbps: float
    rival_kbps: float
    gain: Interval


def curve(results: Sequence[CellResult], series: str, metric: str) -> Curve | None:
    """None where a point has no value at all."""
    points: dict[int, list[tuple[float, float]]] = {}
    for item in results:
        value = item.metrics.get(metric)
        if item.series == series and value is not None:
            points.setdefault(item.point, []).append((item.kbps, value))
    if not points:
        return None
    means = sorted((mean(rate for rate, _ in found), mean(value for _, value in found)) for found in points.values())
    return Curve(
        series=series, metric=metric, kbps=tuple(rate for rate, _ in means), values=tuple(value for _, value in means)
    )


def bd_rate(tested: Curve, anchor: Curve) -> BdRate:
    """Of two curves of one metric. MissingExtraError without the package."""
    try:
        import bjontegaard
    except ImportError:
        raise MissingExtraError("BD-rates need the package bjontegaard: pip install 'bcdcodec[bench]'") from None
    sign = 1.0 if METRICS[tested.metric].higher_is_better else -1.0
    (rates, found), (anchor_rates, expected) = (_rising(item, sign) for item in (tested, anchor))
    percent, overlap = None, None
    if len(found) > 1 and len(expected) > 1:
        low, high = max(found[0], expected[0]), min(found[-1], expected[-1])
        if low < high:
            overlap = (min(sign * low, sign * high), max(sign * low, sign * high))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a small overlap, which is reported
                percent = float(
                    bjontegaard.bd_rate(
                        anchor_rates,
                        expected,
                        rates,
                        found,
                        method="akima",
                        require_matching_points=False,
                        min_overlap=0,
                    )
                )
    return BdRate(series=tested.series, anchor=anchor.series, metric=tested.metric, percent=percent, overlap=overlap)


def _rising(item: Curve, sign: float) -> tuple[list[float], list[float]]:
    """Rates and qualities that both rise: a point that costs more and is no better than one before tells nothing."""
    rates: list[float] = []
    qualities: list[float] = []
    for rate, value in zip(item.kbps, item.values, strict=True):
        if not qualities or (sign * value > qualities[-1] and rate > rates[-1]):
            rates.append(rate)
            qualities.append(sign * value)
    return rates, qualities


def match(
    results: Sequence[CellResult], *, own: str, point: int, rival: str, metric: str, seed: int = 0
) -> Match | None:
    """bcdcodec at one of its points against a rival. None where no clip has both."""
    sign = 1.0 if METRICS[metric].higher_is_better else -1.0
    rows = []
    for item in results:
        value = item.metrics.get(metric)
        if item.series != own or item.point != point or value is None:
            continue
        curve_of = sorted(
            (other.kbps, found)
            for other in results
            if other.series == rival and other.clip == item.clip and (found := other.metrics.get(metric)) is not None
        )
        if curve_of:
            rates = [rate for rate, _ in curve_of]
            read = float(np.interp(np.log(item.kbps), np.log(rates), [found for _, found in curve_of]))
            rows.append((item.kbps, max(item.kbps, rates[0]), sign * (value - read)))
    if not rows:
        return None
    return Match(
        rival=rival,
        metric=metric,
        clips=len(rows),
        reached=sum(used <= own_rate for own_rate, used, _ in rows),
        wins=sum(gain > 0 for _, _, gain in rows),
        kbps=mean(rate for rate, _, _ in rows),
        rival_kbps=mean(used for _, used, _ in rows),
        gain=interval([gain for _, _, gain in rows], seed=seed),
    )
