"""Records of the generation study."""

from dataclasses import dataclass

from bcdcodec.evaluation.harness.intervals import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionStatistics:
    """Means over sequences of landmarks.

    speed: of a landmark, in % of the inter-ocular distance a second; spread: standard deviation of a landmark about its
    mean position, in %; blinks, mouth_openings: events a minute.
    """

    speed: float
    spread: float
    blinks: float
    mouth_openings: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcealmentScore:
    """Landmark error and flicker of one concealer: means over the lost frames, in % of the inter-ocular distance.

    against_first: difference of its error to that of the first concealer (below 0 is better), mean over people and its
    95 % interval.
    """

    error: float
    flicker: float
    against_first: Interval


@dataclass(frozen=True, slots=True)
class ConcealmentComparison:
    """Concealers on the same lost packets. lost_frames and gaps of all streams together; results by concealer."""

    lost_frames: int
    gaps: int
    results: dict[str, ConcealmentScore]
