"""One line of a plot. In: a table [[codec]] of a plan. Out: `Series`: a codec in one form, and the points it has."""

from dataclasses import dataclass
from fractions import Fraction

from bcdcodec.evaluation.bench.fields import Table, only, present, text, texts, whole, wholes
from bcdcodec.evaluation.bench.rivals import LOOKAHEAD, PROFILES, RIVALS

OWN, HELD = "bcdcodec", "first frame held"
#: BD-rate of fewer points is contested; a curve needs as many.
LEAST_POINTS = 5
SIDE, LEAST_SIDE = 256, 64
#: bit/s that bcdcodec may be asked for.
BITRATES = (500, 64000)
_FASTEST = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """codec: OWN, HELD or one of RIVALS. side: pixels coded. profile: of rivals alone. points: bit/s, crf or qp."""

    codec: str
    side: int
    profile: str
    rate: Fraction
    points: tuple[int, ...]

    @property
    def name(self) -> str:
        """As plots and tables call it: `x265 128 lookahead 12.5`."""
        return f"{self.form} {float(self.rate):g}"

    @property
    def form(self) -> str:
        """The name without the frame rate."""
        return f"{self.codec} {self.side} {self.profile}" if self.codec in RIVALS else self.codec


def read_series(codec: Table) -> list[Series]:
    """Every form of one table. ValueError, or ConfigError for what an encoder would refuse, says what is wrong."""
    name = text(present(codec, "name"), "name")
    if name != OWN and name not in RIVALS:
        raise ValueError(f"names the codec {name!r}, known are {', '.join([OWN, *RIVALS])}")
    low, high = BITRATES if name == OWN else (0, RIVALS[name].worst)
    points = wholes(present(codec, "points"), f"points of {name}", low, high)
    if len({*points}) < max(LEAST_POINTS, len(points)):
        raise ValueError(f"has {len({*points})} different points for {name}, needs {LEAST_POINTS}, each once")
    rates = [_rate(rate) for rate in texts(present(codec, "frame_rates"), f"frame_rates of {name}")]
    if name == OWN:
        only(codec, {"name", "frame_rates", "points"}, of=OWN)
        return [Series(codec=name, side=SIDE, profile="", rate=rate, points=points) for rate in rates]
    only(codec, {"name", "frame_rates", "points", "sides", "profiles"}, of=name)
    sides = wholes(codec.get("sides", [SIDE]), f"sides of {name}", LEAST_SIDE, SIDE)
    if any(side % 2 for side in sides):
        raise ValueError(f"has sides {list(sides)} of {name}, needs even sides")
    profiles = texts(codec.get("profiles", [LOOKAHEAD]), f"profiles of {name}")
    if not {*profiles} <= {*PROFILES}:
        raise ValueError(f"has profiles {', '.join(profiles)} for {name}, known are {', '.join(PROFILES)}")
    return [
        Series(codec=name, side=side, profile=profile, rate=rate, points=points)
        for rate in rates
        for side in sides
        for profile in profiles
    ]


def _rate(written: str) -> Fraction:
    try:
        rate = Fraction(written)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    whole(round(rate), f"the frame rate {written!r}", 1, _FASTEST)
    return rate
