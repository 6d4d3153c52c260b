"""bcdcodec at one frame rate against every other series of that rate.

Series of different frame rates are never compared: half the frames at equal rate is another task.
"""

from dataclasses import dataclass
from statistics import mean

from bcdcodec.evaluation.harness.intervals import TOO_FEW, Interval
from bcdcodec.studies.rate_distortion.bd_rates import BdRate, bd_rate
from bcdcodec.studies.rate_distortion.equal_rate import (
    RATE_TOO_HIGH,
    EqualRateComparison,
    compare_at_equal_rate,
    gain_over_freeze_frame,
)
from bcdcodec.studies.rate_distortion.plan import FREEZE_FRAME, OWN, Plan, Series
from bcdcodec.studies.rate_distortion.results import Curve, Results

#: Limit at which codecs are compared, bit/s; the nearest operating point of bcdcodec in the plan is taken.
COMPARED_AT = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """own: a series of bcdcodec, compared at `operating_point`, which takes `kbps`. curves: of every series of its rate
    but the freeze frame. freeze_frame: gain over the freeze frame by metric.
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
        equal = [item for item in items if item.gain is not None and item.verdict not in (RATE_TOO_HIGH, TOO_FEW)]
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
    baselines = [series for series in same_rate if series.codec not in (OWN, FREEZE_FRAME)]
    curves = [
        curve
        for series in (own, *baselines)
        for metric in plan.metrics
        if (curve := results.curve(series.name, metric)) is not None
    ]
    own_curves = {curve.metric: curve for curve in curves if curve.series == own.name}
    return Comparison(
        own=own,
        operating_point=operating_point,
        kbps=mean(point.kbps for point in points),
        clips=len(points),
        people=len({results.person_of[point.clip] for point in points}),
        equal_rate=_equal_rate(plan, results, own, operating_point, baselines),
        freeze_frame=_freeze_frame(plan, results, own, operating_point),
        curves=curves,
        bd_rates=[
            bd_rate(own_curves[curve.metric], curve)
            for curve in curves
            if curve.series != own.name and curve.metric in own_curves
        ],
    )


def _equal_rate(
    plan: Plan, results: Results, own: Series, operating_point: int, baselines: list[Series]
) -> list[EqualRateComparison]:
    compared = (
        compare_at_equal_rate(
            results, own=own.name, operating_point=operating_point, baseline=series.name, metric=metric
        )
        for series in baselines
        for metric in plan.metrics
    )
    return [item for item in compared if item is not None]


def _freeze_frame(plan: Plan, results: Results, own: Series, operating_point: int) -> dict[str, Interval]:
    gains = {}
    for series in plan.series:
        if series.codec != FREEZE_FRAME or series.rate != own.rate:
            continue
        for metric in plan.metrics:
            gain = gain_over_freeze_frame(
                results, own=own.name, operating_point=operating_point, freeze_frame=series.name, metric=metric
            )
            if gain is not None:
                gains[metric] = gain
    return gains
