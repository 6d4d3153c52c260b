"""bcdcodec at one frame rate against everything else at that rate. In: `Results`, a plan. Out: a `Comparison`.

Nothing of another frame rate enters: half the frames at equal bytes is another picture.
"""

from dataclasses import dataclass
from statistics import mean

from bcdcodec.evaluation.bench.bd_rates import BdRate, bd_rate
from bcdcodec.evaluation.bench.curves import Curve, curve
from bcdcodec.evaluation.bench.matches import TOO_FEW, TOO_HIGH, Match, gain_over_held, match
from bcdcodec.evaluation.bench.plan import Plan
from bcdcodec.evaluation.bench.results import Results
from bcdcodec.evaluation.bench.series import HELD, OWN, Series
from bcdcodec.evaluation.interval import Interval

#: The limit at which codecs are compared, bit/s; the plan's nearest point of bcdcodec is taken.
COMPARED_AT = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """own: a series of bcdcodec, compared at its point `point`, which takes `kbps`. curves: of every series of its rate
    but the held frame. held: by metric, the gain over the first frame held, which has no bytes.
    """

    own: Series
    point: int
    kbps: float
    clips: int
    people: int
    matches: list[Match]
    held: dict[str, Interval]
    curves: list[Curve]
    bd_rates: list[BdRate]

    def of(self, rival: str, metric: str) -> Match | None:
        """The match with one series by one metric."""
        return next((item for item in self.matches if (item.rival, item.metric) == (rival, metric)), None)

    def best_form(self, forms: list[Series], metric: str) -> Match | None:
        """The match with the form of a codec that does best against bcdcodec: at equal bytes if one goes so low, else
        the one that goes lowest.
        """
        found = [item for series in forms if (item := self.of(series.name, metric)) is not None]
        equal = [item for item in found if item.gain is not None and item.verdict not in (TOO_HIGH, TOO_FEW)]
        if equal:
            return min(equal, key=lambda item: item.gain.mean if item.gain is not None else 0.0)
        return min(found, key=lambda item: item.least_kbps or 0.0, default=None)


def compare(plan: Plan, results: Results) -> list[Comparison]:
    """One a frame rate of bcdcodec, in the order of the plan; without those none of whose cells could be measured."""
    found = [_compare(plan, results, own) for own in plan.series if own.codec == OWN]
    return [item for item in found if item is not None]


def _compare(plan: Plan, results: Results, own: Series) -> Comparison | None:
    point = min(own.points, key=lambda bits: abs(bits - COMPARED_AT))
    cells = results.at(own.name, point)
    if not cells:
        return None
    same_rate = [series for series in plan.series if series.rate == own.rate]
    rivals = [series for series in same_rate if series.codec not in (OWN, HELD)]
    curves = [
        item
        for series in (own, *rivals)
        for metric in plan.metrics
        if (item := curve(results, series.name, metric)) is not None
    ]
    own_curves = {item.metric: item for item in curves if item.series == own.name}
    return Comparison(
        own=own,
        point=point,
        kbps=mean(cell.kbps for cell in cells),
        clips=len(cells),
        people=len({results.person_of[cell.clip] for cell in cells}),
        matches=_matches(plan, results, own, point, rivals),
        held={
            metric: gain
            for series in same_rate
            if series.codec == HELD
            for metric in plan.metrics
            if (gain := gain_over_held(results, own=own.name, point=point, held=series.name, metric=metric)) is not None
        },
        curves=curves,
        bd_rates=[
            bd_rate(own_curves[item.metric], item)
            for item in curves
            if item.series != own.name and item.metric in own_curves
        ],
    )


def _matches(plan: Plan, results: Results, own: Series, point: int, others: list[Series]) -> list[Match]:
    found = (
        match(results, own=own.name, point=point, rival=series.name, metric=metric)
        for series in others
        for metric in plan.metrics
    )
    return [item for item in found if item is not None]
