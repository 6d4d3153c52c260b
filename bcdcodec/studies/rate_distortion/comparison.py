"""bcdcodec against every other series of its frame rate: gains at equal rate, clip by clip, and over the freeze frame.

The baseline's quality at bcdcodec's rate of a clip is interpolated on its own curve, linearly over the logarithm of the
rate. A clip counts only where the baseline's points enclose that rate. Where the baseline's minimum rate exceeds it,
the gain at that minimum is kept apart: it takes more bytes, so it is no comparison at equal rate.

Series of different frame rates are never compared: half the frames at equal rate is another task.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import mean

import numpy as np

from bcdcodec.evaluation.harness.intervals import MIN_PEOPLE, TOO_FEW, Interval, interval_of_people
from bcdcodec.evaluation.metrics.table import METRICS
from bcdcodec.studies.rate_distortion.bd_rates import BdRate, bd_rate
from bcdcodec.studies.rate_distortion.plan import FREEZE_FRAME, OWN, Plan, Series
from bcdcodec.studies.rate_distortion.scores import Curve, RDResult, Results

#: Limit at which codecs are compared, bit/s; the nearest operating point of bcdcodec in the plan is taken.
COMPARED_AT = 4000
#: Verdict where the baseline's minimum rate exceeds bcdcodec's.
RATE_TOO_HIGH = "n/a"


@dataclass(frozen=True, slots=True, kw_only=True)
class EqualRateComparison:
    """bcdcodec against a baseline. Gains are differences in the metric's unit, positive where bcdcodec is better, over
    people; None without a clip.

    clips: compared at equal rate, wins: of those; gain: in them. below: clips whose rate the baseline cannot reach;
    min_kbps, min_excess_percent, gain_at_min: means of its minimum rates there, of how far these exceed bcdcodec's,
    and bcdcodec's gain over the baseline at its minimum. above: clips left out, as the baseline's points end below the
    rate. kbps: mean of bcdcodec over all these clips. people: in all these clips.
    """

    own: str
    baseline: str
    metric: str
    kbps: float
    people: int
    clips: int
    wins: int
    gain: Interval | None
    below: int
    min_kbps: float | None
    min_excess_percent: float | None
    gain_at_min: Interval | None
    above: int

    @property
    def verdict(self) -> str:
        """BETTER, WORSE or EVEN at equal rate; RATE_TOO_HIGH where that leaves too few clips, or none; TOO_FEW where
        there are too few people in any case.
        """
        if self.gain is None:
            return RATE_TOO_HIGH if self.below else TOO_FEW
        verdict = self.gain.verdict
        return RATE_TOO_HIGH if verdict == TOO_FEW and self.below and self.people >= MIN_PEOPLE else verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Comparison of `own`, a series of bcdcodec, at `operating_point`, which takes `kbps`.

    curves: of every series of its rate but the freeze frame. freeze_frame: gain over the freeze frame by metric.
    """

    own: Series
    operating_point: int
    kbps: float
    clips: int
    people: int
    equal_rate: list[EqualRateComparison]
    freeze_frame: dict[str, Interval]
    curves: list[Curve]
    bd_rates: list[BdRate]

    def against(self, baseline: str, metric: str) -> EqualRateComparison | None:
        """The comparison with one series by one metric."""
        return next((item for item in self.equal_rate if (item.baseline, item.metric) == (baseline, metric)), None)

    def strongest_form(self, forms: list[Series], metric: str) -> EqualRateComparison | None:
        """The comparison with a codec's form that does best against bcdcodec: at equal rate if one reaches it, else
        with the form of the lowest minimum rate.
        """
        items = [item for series in forms if (item := self.against(series.name, metric)) is not None]
        equal = [item for item in items if item.gain is not None and item.verdict != RATE_TOO_HIGH]
        if equal:
            return min(equal, key=lambda item: item.gain.mean if item.gain is not None else 0.0)
        return min(items, key=lambda item: item.min_kbps or 0.0, default=None)


def compare(plan: Plan, results: Results) -> list[Comparison]:
    """One comparison for each frame rate of bcdcodec that has results, in the order of the plan."""
    compared = [_compare(plan, results, own) for own in plan.series if own.codec == OWN]
    return [item for item in compared if item is not None]


def _compare(plan: Plan, results: Results, own: Series) -> Comparison | None:
    operating_point = min(own.points, key=lambda bits: abs(bits - COMPARED_AT))
    points = results.at(own.name, operating_point)
    if not points:
        return None
    same_rate = [series for series in plan.series if series.rate == own.rate]
    names = [series.name for series in same_rate if series.codec not in (OWN, FREEZE_FRAME)]
    frozen = next((series.name for series in same_rate if series.codec == FREEZE_FRAME), FREEZE_FRAME)
    gains = {
        metric: gain_over_freeze_frame(
            results, own=own.name, operating_point=operating_point, freeze_frame=frozen, metric=metric
        )
        for metric in plan.metrics
    }
    equal_rate = [
        compare_at_equal_rate(results, own=own.name, operating_point=operating_point, baseline=name, metric=metric)
        for name in names
        for metric in plan.metrics
    ]
    curves = [results.curve(name, metric) for name in (own.name, *names) for metric in plan.metrics]
    known = [curve for curve in curves if curve is not None]
    own_curves = {curve.metric: curve for curve in known if curve.series == own.name}
    return Comparison(
        own=own,
        operating_point=operating_point,
        kbps=mean(point.kbps for point in points),
        clips=len(points),
        people=len({results.person_of[point.clip] for point in points}),
        equal_rate=[item for item in equal_rate if item is not None],
        freeze_frame={metric: gain for metric, gain in gains.items() if gain is not None},
        curves=known,
        bd_rates=[
            bd_rate(own_curves[curve.metric], curve)
            for curve in known
            if curve.series != own.name and curve.metric in own_curves
        ],
    )


def gain_over_freeze_frame(
    results: Results, *, own: str, operating_point: int, freeze_frame: str, metric: str
) -> Interval | None:
    """Gain of bcdcodec over the freeze frame, which takes no bytes, over people; None without valid values."""
    sign = METRICS[metric].sign
    gains: dict[str, list[float]] = {}
    for point, value, other in _pairs(results, own, operating_point, freeze_frame, metric):
        gains.setdefault(results.person_of[point.clip], []).append(sign * (value - other[0][1]))
    return interval_of_people(gains) if gains else None


def compare_at_equal_rate(
    results: Results, *, own: str, operating_point: int, baseline: str, metric: str
) -> EqualRateComparison | None:
    """None where no clip has both, or where bcdcodec loses too many faces at this point for a metric of faces."""
    sign = METRICS[metric].sign
    equal: dict[str, list[float]] = {}
    at_min: dict[str, list[float]] = {}
    rates, min_rates, excess, people, above = [], [], [], set(), 0
    for point, value, other in _pairs(results, own, operating_point, baseline, metric):
        person = results.person_of[point.clip]
        rates.append(point.kbps)
        people.add(person)
        if point.kbps < other[0][0]:
            at_min.setdefault(person, []).append(sign * (value - other[0][1]))
            min_rates.append(other[0][0])
            excess.append(100 * (other[0][0] / point.kbps - 1))
        elif point.kbps > other[-1][0]:
            above += 1
        else:
            log_rates, qualities = np.log([rate for rate, _ in other]), [quality for _, quality in other]
            interpolated = float(np.interp(np.log(point.kbps), log_rates, qualities))
            equal.setdefault(person, []).append(sign * (value - interpolated))
    if not rates:
        return None
    gains = [gain for own_gains in equal.values() for gain in own_gains]
    return EqualRateComparison(
        own=own,
        baseline=baseline,
        metric=metric,
        kbps=mean(rates),
        people=len(people),
        clips=len(gains),
        wins=sum(gain > 0 for gain in gains),
        gain=interval_of_people(equal) if equal else None,
        below=len(min_rates),
        min_kbps=mean(min_rates) if min_rates else None,
        min_excess_percent=mean(excess) if excess else None,
        gain_at_min=interval_of_people(at_min) if at_min else None,
        above=above,
    )


def _pairs(
    results: Results, own: str, operating_point: int, other: str, metric: str
) -> Iterator[tuple[RDResult, float, list[tuple[float, float]]]]:
    """Each result of bcdcodec with its value, and the (kbps, value) of another series on the same clip, where both
    have valid ones.
    """
    if operating_point in results.operating_points(own, metric):
        for point in results.at(own, operating_point):
            value, others = point.metrics.get(metric), results.of_clip(other, metric, point.clip)
            if value is not None and others:
                yield point, value, others
