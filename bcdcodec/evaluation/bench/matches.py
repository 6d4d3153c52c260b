"""Who is better at equal bytes. In: `Results`, bcdcodec at one point, a rival. Out: a `Match` with a verdict.

It goes clip by clip: the rival's quality at the very rate of bcdcodec, read off the rival's own curve (linear over the
logarithm of the rate). A clip counts only where the rival's points lie on both sides of that rate. Where the rival
cannot go so low, what it has at its least is kept apart: that is more bytes, so it is no comparison at equal bytes.
"""

from dataclasses import dataclass
from statistics import mean

import numpy as np

from bcdcodec.evaluation.bench.results import Results
from bcdcodec.evaluation.interval import LEAST_PEOPLE, Interval, interval_of_people
from bcdcodec.evaluation.metrics.table import METRICS

BETTER, WORSE, EVEN = "better", "worse", "not clearly apart"
TOO_HIGH, TOO_FEW = "cannot go so low", "too few people to tell"
#: `Interval.sign` -> verdict.
BY_SIGN = {1: BETTER, -1: WORSE, 0: EVEN, None: TOO_FEW}


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """bcdcodec against a rival. Gains are differences in the metric's unit, positive where bcdcodec is better, over
    people; None without a clip.

    clips: at equal bytes, wins: of those; gain: in them. below: clips in which the rival cannot go so low; least_kbps,
    least_more, least_gain: means of its least rates there and of how many percent more bytes those are, and bcdcodec at
    its own bytes against that. above: clips left out, as
    the rival's points end below the rate. kbps: of bcdcodec, mean of all these clips. people: in all these clips.
    """

    own: str
    rival: str
    metric: str
    kbps: float
    people: int
    clips: int
    wins: int
    gain: Interval | None
    below: int
    least_kbps: float | None
    least_more: float | None
    least_gain: Interval | None
    above: int

    @property
    def verdict(self) -> str:
        """BETTER, WORSE or EVEN at equal bytes; TOO_HIGH where too few clips are that because the rival cannot go so
        low; TOO_FEW where there are too few people anyhow.
        """
        sign = None if self.gain is None else self.gain.sign
        if sign is None and self.below and self.people >= LEAST_PEOPLE:
            return TOO_HIGH
        return BY_SIGN[sign]


def gain_over_held(results: Results, *, own: str, point: int, held: str, metric: str) -> Interval | None:
    """bcdcodec at its bytes against the first frame held, which has none: gains over people, None where there are no
    values that count.
    """
    if point not in results.points(own, metric):
        return None
    sign = 1.0 if METRICS[metric].higher_is_better else -1.0
    gains: dict[str, list[float]] = {}
    for item in results.at(own, point):
        value, other = item.metrics.get(metric), results.of_clip(held, metric, item.clip)
        if value is not None and other:
            gains.setdefault(results.person_of[item.clip], []).append(sign * (value - other[0][1]))
    return interval_of_people(gains) if gains else None


def match(results: Results, *, own: str, point: int, rival: str, metric: str) -> Match | None:
    """None where no clip has both, or bcdcodec loses too many faces at this point for a metric of faces."""
    if point not in results.points(own, metric):
        return None
    sign = 1.0 if METRICS[metric].higher_is_better else -1.0
    equal: dict[str, list[float]] = {}
    least: dict[str, list[float]] = {}
    rates, least_rates, more, people, above = [], [], [], set(), 0
    for item in results.at(own, point):
        value, other = item.metrics.get(metric), results.of_clip(rival, metric, item.clip)
        if value is None or not other:
            continue
        person = results.person_of[item.clip]
        rates.append(item.kbps)
        people.add(person)
        if item.kbps < other[0][0]:
            least.setdefault(person, []).append(sign * (value - other[0][1]))
            least_rates.append(other[0][0])
            more.append(100 * (other[0][0] / item.kbps - 1))
        elif item.kbps > other[-1][0]:
            above += 1
        else:
            read = np.interp(np.log(item.kbps), np.log([rate for rate, _ in other]), [found for _, found in other])
            equal.setdefault(person, []).append(sign * (value - float(read)))
    if not rates:
        return None
    gains = [gain for found in equal.values() for gain in found]
    return Match(
        own=own,
        rival=rival,
        metric=metric,
        kbps=mean(rates),
        people=len(people),
        clips=len(gains),
        wins=sum(gain > 0 for gain in gains),
        gain=interval_of_people(equal) if equal else None,
        below=len(least_rates),
        least_kbps=mean(least_rates) if least_rates else None,
        least_more=mean(more) if more else None,
        least_gain=interval_of_people(least) if least else None,
        above=above,
    )
