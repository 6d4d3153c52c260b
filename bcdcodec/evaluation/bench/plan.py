"""What a benchmark measures. In: a TOML file. Out: a `Plan`: clips, series (codec, size, profile, frame rate), points.

The file holds

    seconds = 8.0                          # of each clip, from its start
    clips = ["a333fdc381", "89c9f4690e"]   # all of the folder where left out
    metrics = ["psnr", "lpips-alex"]       # names of metrics/table.py
    sets_every_nth = 10                    # frames for distances between sets; not measured where left out
    [every_nth]                            # frames that a metric looks at, 1 where left out
    lpips-alex = 5
    [transfer]                             # where left out, transfer is not measured
    pairs = "transfer_pairs.csv"           # beside this file: columns content and motion
    seconds = 2.0
    [[codec]]
    name = "bcdcodec"                      # or one of rivals.py
    frame_rates = ["12.5"]
    points = [3000, 4000, 6000, 8000]      # bcdcodec: bit/s; others: crf or qp
    sides = [256, 128]                     # others only: coded at this size, scaled back up
    profiles = ["lookahead"]               # others only
"""

import tomllib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.bench.rivals import LOOKAHEAD, PROFILES, RIVALS
from bcdcodec.evaluation.metrics.table import METRICS

OWN = "bcdcodec"
#: BD-rate of fewer points is contested; a curve needs as many.
LEAST_POINTS = 5
SIDE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line of a plot: a codec in one form, swept over points. profile: empty for bcdcodec."""

    codec: str
    side: int
    profile: str
    rate: Fraction
    points: tuple[int, ...]

    @property
    def name(self) -> str:
        """As plots and tables call it: `x265 128 lookahead 12.5`."""
        form = [self.codec] if self.codec == OWN else [self.codec, str(self.side), self.profile]
        return " ".join([*form, f"{float(self.rate):g}"])


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferPlan:
    """pairs: a CSV file. seconds: of each clip."""

    pairs: Path
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """clips: names, empty for every clip. every_nth: frames between two that a metric looks at; sets_every_nth: the
    same for distances between sets of frames, 0 where those are not measured.
    """

    seconds: float
    clips: tuple[str, ...]
    metrics: tuple[str, ...]
    every_nth: dict[str, int]
    series: tuple[Series, ...]
    transfer: TransferPlan | None
    sets_every_nth: int


def read_plan(path: Path) -> Plan:
    """Read and check a file. ConfigError says what is wrong in it."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    try:
        return _plan(found, path.parent)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        what = f"misses {error}" if isinstance(error, KeyError) else str(error)
        raise ConfigError(f"{path} {what}") from error


def _plan(found: dict[str, Any], folder: Path) -> Plan:
    _only(found, {"seconds", "clips", "metrics", "every_nth", "sets_every_nth", "transfer", "codec"})
    seconds = _seconds(found)
    metrics = tuple(str(name) for name in found["metrics"])
    every_nth = {str(name): int(step) for name, step in found.get("every_nth", {}).items()}
    unknown = ({*metrics} | {*every_nth}) - {*METRICS}
    if unknown or not metrics:
        raise ValueError(f"names metrics {sorted(unknown)}, known are {', '.join(METRICS)}")
    sets_every_nth = int(found.get("sets_every_nth", 0))
    if any(step < 1 for step in every_nth.values()) or sets_every_nth < 0:
        raise ValueError("has a step of every_nth below 1")
    series = [item for codec in found["codec"] for item in _series(codec)]
    names = [item.name for item in series]
    if len({*names}) < len(names):
        raise ValueError("has the same codec, size, profile and frame rate twice")
    if not any(item.codec == OWN for item in series):
        raise ValueError(f"has no codec {OWN} to compare others with")
    clips = tuple(str(name) for name in found.get("clips", ()))
    transfer = None
    if "transfer" in found:
        _only(found["transfer"], {"pairs", "seconds"})
        transfer = TransferPlan(pairs=folder / str(found["transfer"]["pairs"]), seconds=_seconds(found["transfer"]))
    return Plan(
        seconds=seconds,
        clips=clips,
        metrics=metrics,
        every_nth=every_nth,
        series=tuple(series),
        transfer=transfer,
        sets_every_nth=sets_every_nth,
    )


def _seconds(found: dict[str, Any]) -> float:
    seconds = float(found["seconds"])
    if not 1 <= seconds <= 3600:
        raise ValueError(f"asks for {seconds:g} seconds, allowed are 1 to 3600")
    return seconds


def _series(codec: dict[str, Any]) -> list[Series]:
    name = str(codec["name"])
    points = tuple(int(point) for point in codec["points"])
    if len({*points}) < LEAST_POINTS:
        raise ValueError(f"has {len({*points})} points for {name}, needs {LEAST_POINTS} for a curve")
    rates = [Fraction(str(rate)) for rate in codec["frame_rates"]]
    if not rates or not all(1 <= rate <= 60 for rate in rates):
        raise ValueError(f"needs frame rates from 1 to 60 for {name}")
    if name == OWN:
        _only(codec, {"name", "frame_rates", "points"})
        return [Series(codec=name, side=SIDE, profile="", rate=rate, points=points) for rate in rates]
    _only(codec, {"name", "frame_rates", "points", "sides", "profiles"})
    if name not in RIVALS:
        raise ValueError(f"names the codec {name!r}, known are {', '.join([OWN, *RIVALS])}")
    sides, profiles = codec.get("sides", [SIDE]), codec.get("profiles", [LOOKAHEAD])
    if not sides or not all(isinstance(side, int) and 64 <= side <= SIDE and side % 2 == 0 for side in sides):
        raise ValueError(f"needs even sides from 64 to {SIDE} for {name}")
    if not profiles or not {*profiles} <= {*PROFILES}:
        raise ValueError(f"has profiles {profiles} for {name}, known are {', '.join(PROFILES)}")
    for profile in profiles:
        for point in points:
            RIVALS[name].options(profile, point)  # refuses what the encoder would
    return [
        Series(codec=name, side=side, profile=profile, rate=rate, points=points)
        for rate in rates
        for side in sides
        for profile in profiles
    ]


def _only(found: dict[str, Any], allowed: set[str]) -> None:
    if unknown := found.keys() - allowed:
        raise ValueError(f"has {', '.join(sorted(unknown))}, known are {', '.join(sorted(allowed))}")
