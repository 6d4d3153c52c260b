"""Comparison at equal rate: gain of bcdcodec over a baseline, clip by clip, with an interval over people.

The baseline's quality at bcdcodec's rate of a clip is interpolated on its own curve, linearly over the logarithm of the
rate. A clip counts only where the baseline's points enclose that rate. Where the baseline's minimum rate exceeds it,
the gain at that minimum is kept apart: it takes more bytes, so it is no comparison at equal rate.
"""

from dataclasses import dataclass
from statistics import mean

import numpy as np

from bcdcodec.evaluation.harness.intervals import MIN_PEOPLE, TOO_FEW, Interval, interval_of_people
from bcdcodec.evaluation.metrics.table import METRICS
from bcdcodec.studies.rate_distortion.results import Results

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
        """BETTER, WORSE or EVEN at equal rate; RATE_TOO_HIGH where that leaves too few clips; TOO_FEW where there are
        too few people in any case.
        """
        verdict = TOO_FEW if self.gain is None else self.gain.verdict
        return RATE_TOO_HIGH if verdict == TOO_FEW and self.below and self.people >= MIN_PEOPLE else verdict


def gain_over_freeze_frame(
    results: Results, *, own: str, operating_point: int, freeze_frame: str, metric: str
) -> Interval | None:
    """Gain of bcdcodec over the freeze frame, which takes no bytes, over people; None without valid values."""
    if operating_point not in results.operating_points(own, metric):
        return None
    sign = 1.0 if METRICS[metric].higher_is_better else -1.0
    gains: dict[str, list[float]] = {}
    for point in results.at(own, operating_point):
        value, other = point.metrics.get(metric), results.of_clip(freeze_frame, metric, point.clip)
        if value is not None and other:
            gains.setdefault(results.person_of[point.clip], []).append(sign * (value - other[0][1]))
    return interval_of_people(gains) if gains else None


def compare_at_equal_rate(
    results: Results, *, own: str, operating_point: int, baseline: str, metric: str
) -> EqualRateComparison | None:
    """None where no clip has both, or where bcdcodec loses too many faces at this point for a metric of faces."""
    if operating_point not in results.operating_points(own, metric):
        return None
    sign = 1.0 if METRICS[metric].higher_is_better else -1.0
    equal: dict[str, list[float]] = {}
    at_min: dict[str, list[float]] = {}
    rates, min_rates, excess, people, above = [], [], [], set(), 0
    for point in results.at(own, operating_point):
        value, other = point.metrics.get(metric), results.of_clip(baseline, metric, point.clip)
        if value is None or not other:
            continue
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
