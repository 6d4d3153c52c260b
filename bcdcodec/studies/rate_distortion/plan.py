"""Plan of a rate-distortion study: clips, metrics and series (codec, size, profile, frame rate), from a TOML file.

Any number of points will do: what is not defined for so few is left out of the page, with the reason.

seconds = 8.0                          # of each clip, from its start
clips = ["a333fdc381", "89c9f4690e"]   # all of the folder where left out
metrics = ["psnr", "lpips-alex"]       # names of metrics/table.py; metrics of faces need faces-lost
distribution_every_nth = 10            # frame step of distribution metrics; not measured where left out
inception = "weights.pth"              # FID and KID proper (metrics/fid.py); beside this file
[every_nth]                            # frame step of a metric, 1 where left out
lpips-alex = 5
[[codec]]
name = "bcdcodec"                      # or "warp only", "references held", or one of baselines.py
frame_rates = ["12.5"]
points = [1000, 2000, 3000, 4000, 8000]  # bcdcodec: bit/s; others: crf or qp
sides = [256, 128]                     # others only: coded at this size, scaled back up
profiles = ["lookahead"]               # others only
"""

import itertools
import tomllib
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.metrics.table import LOST, METRICS
from bcdcodec.evaluation.report.sheets import spread_indices
from bcdcodec.studies.rate_distortion.baselines import BASELINES, LOOKAHEAD, PROFILES

Table = dict[str, Any]
Kind = TypeVar("Kind")
#: The plan where none is named: codecs that come with PyAV, for clips of any folder.
STANDARD = Path(__file__).parent / "standard.toml"
OWN, FREEZE_FRAME = "bcdcodec", "freeze frame"
#: Streams of bcdcodec, decoded without denoising, and shown without motion: what its decoder has to be better than.
WARPED, HELD = "warp only", "references held"
OWN_STREAMS = (OWN, WARPED, HELD)
MAX_SECONDS, MAX_STEP, MAX_FRAME_RATE = 3600, 1000, 60
#: Metrics between frames: a frame step would change what they measure.
EVERY_FRAME = frozenset({"flicker", "vmaf"})
SIDE, MIN_SIDE = 256, 64
#: Range of bcdcodec's bitrate, bit/s.
BITRATES = (500, 64000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A codec in one form. codec: one of OWN_STREAMS, FREEZE_FRAME or one of BASELINES. side: pixels coded.

    profile: of baselines; points: operating points; bit/s, crf or qp.
    """

    codec: str
    side: int
    profile: str
    rate: Fraction
    points: tuple[int, ...]

    @property
    def name(self) -> str:
        """Name in plots and tables, `x265 128 lookahead 12.5`."""
        return f"{self.form} {float(self.rate):g}"

    @property
    def form(self) -> str:
        """The name without the frame rate."""
        return f"{self.codec} {self.side} {self.profile}" if self.codec in BASELINES else self.codec


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Content of a plan file.

    clips: names, empty for every clip. every_nth: frame step by metric; distribution_every_nth: 0 where distribution
    metrics are not measured. inception: weights of FID's network, None for the features of a packaged network. series:
    with the freeze frame of each frame rate.
    """

    seconds: float
    clips: tuple[str, ...]
    metrics: tuple[str, ...]
    every_nth: dict[str, int]
    series: tuple[Series, ...]
    distribution_every_nth: int
    inception: Path | None


def read_plan(path: Path | None) -> Plan:
    """Read and check a file, or the plan of the package where none is named. ConfigError names the mistake."""
    path = STANDARD if path is None else path
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    try:
        return _plan(found, path.parent)
    except ValueError as error:  # ConfigError too
        raise ConfigError(f"{path} {error}") from error


def quick_plan(plan: Plan, *, seconds: float, points: int) -> Plan:
    """A plan with shorter clips, and fewer points of every series, evenly spread with both ends."""
    series = [
        replace(item, points=tuple(item.points[index] for index in spread_indices(len(item.points), points)))
        for item in plan.series
    ]
    return replace(plan, seconds=min(plan.seconds, seconds), series=tuple(series))


def _plan(table: Table, folder: Path) -> Plan:
    known = {"seconds", "clips", "metrics", "every_nth", "distribution_every_nth", "inception", "codec"}
    _check_keys(table, known, of="the plan")
    metrics = _list(_require(table, "metrics"), "metrics", str)
    steps = _value(table.get("every_nth", {}), "every_nth", dict)
    every_nth = {name: _value(step, f"{name} of every_nth", int, 1, MAX_STEP) for name, step in steps.items()}
    _check_metrics(metrics, every_nth)
    distribution = _value(table.get("distribution_every_nth", 0), "distribution_every_nth", int, 0, MAX_STEP)
    if "inception" in table and not distribution:
        raise ValueError("has inception without distribution_every_nth, needs both")
    codecs = _require(table, "codec")
    if not isinstance(codecs, list) or not codecs or not all(isinstance(item, dict) for item in codecs):
        raise ValueError("has codec that is no list of tables, needs [[codec]] with two brackets")
    series = [item for codec in codecs for item in _series(codec)]
    return Plan(
        seconds=_value(_require(table, "seconds"), "seconds", float, 1, MAX_SECONDS),
        clips=_list(table["clips"], "clips", str) if "clips" in table else (),
        metrics=metrics,
        every_nth=every_nth,
        series=(*series, *_freeze_frames(series)),
        distribution_every_nth=distribution,
        inception=folder / _value(table["inception"], "inception", str) if "inception" in table else None,
    )


def _check_metrics(metrics: tuple[str, ...], every_nth: dict[str, int]) -> None:
    if unknown := ({*metrics} | {*every_nth}) - {*METRICS}:
        raise ValueError(f"names metrics {', '.join(sorted(unknown))}, known are {', '.join(METRICS)}")
    if stepped := sorted({*every_nth} & EVERY_FRAME):
        raise ValueError(f"has every_nth of {', '.join(stepped)}, which need every frame")
    of_faces = [name for name in metrics if METRICS[name].of_faces]
    if of_faces and LOST not in metrics:
        raise ValueError(f"has metrics of faces ({', '.join(of_faces)}) without {LOST}, needs both")


def _freeze_frames(series: list[Series]) -> list[Series]:
    """The freeze frame at every frame rate of bcdcodec; ValueError where series cannot be compared."""
    names = [item.name for item in series]
    if len({*names}) < len(names):
        raise ValueError("has the same codec, size, profile and frame rate twice")
    rates = list(dict.fromkeys(item.rate for item in series if item.codec == OWN))
    if not rates:
        raise ValueError(f"has no codec {OWN} to compare others with")
    if lonely := [item.name for item in series if item.rate not in rates]:
        raise ValueError(f"has {', '.join(lonely)}, but {OWN} at no such frame rate, and rates are not mixed")
    return [Series(codec=FREEZE_FRAME, side=SIDE, profile="", rate=rate, points=(0,)) for rate in rates]


def _series(table: Table) -> list[Series]:
    """Every form of one table [[codec]]. ValueError, or ConfigError for options that an encoder would refuse."""
    name = _value(_require(table, "name"), "name", str)
    if name not in (*OWN_STREAMS, *BASELINES):
        raise ValueError(f"names the codec {name!r}, known are {', '.join([*OWN_STREAMS, *BASELINES])}")
    low, high = BITRATES if name in OWN_STREAMS else (0, BASELINES[name].worst)
    points = _list(_require(table, "points"), f"points of {name}", int, low, high)
    if len({*points}) < len(points):
        raise ValueError(f"has points {list(points)} for {name}, needs each once")
    rates = [_frame_rate(rate) for rate in _list(_require(table, "frame_rates"), f"frame_rates of {name}", str)]
    if name in OWN_STREAMS:
        _check_keys(table, {"name", "frame_rates", "points"}, of=name)
        return [Series(codec=name, side=SIDE, profile="", rate=rate, points=points) for rate in rates]
    _check_keys(table, {"name", "frame_rates", "points", "sides", "profiles"}, of=name)
    sides = _list(table.get("sides", [SIDE]), f"sides of {name}", int, MIN_SIDE, SIDE)
    if any(side % 2 for side in sides):
        raise ValueError(f"has sides {list(sides)} of {name}, needs even sides")
    profiles = _list(table.get("profiles", [LOOKAHEAD]), f"profiles of {name}", str)
    if not {*profiles} <= {*PROFILES}:
        raise ValueError(f"has profiles {', '.join(profiles)} for {name}, known are {', '.join(PROFILES)}")
    return [
        Series(codec=name, side=side, profile=profile, rate=rate, points=points)
        for rate, side, profile in itertools.product(rates, sides, profiles)
    ]


def _frame_rate(written: str) -> Fraction:
    try:
        rate = Fraction(written)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    _value(round(rate), f"the frame rate {written!r}", int, 1, MAX_FRAME_RATE)
    return rate


def _check_keys(table: Table, known: set[str], *, of: str) -> None:
    if unknown := sorted(table.keys() - known):
        raise ValueError(f"has {', '.join(unknown)} in {of}, known are {', '.join(sorted(known))}")


def _require(table: Table, name: str) -> Any:
    if name not in table:
        raise ValueError(f"misses {name!r}")
    return table[name]


def _value(value: Any, name: str, kind: type[Kind], low: int = 0, high: int = 0) -> Kind:
    """A value of a type, numbers from low to high; booleans are no numbers, 20.5 is no whole one, "" is no text."""
    needs = {int: "a whole number", float: "a number", str: "a text", dict: f"a table [{name}]"}[kind]
    number = kind in (int, float)
    fits = isinstance(value, int | float if kind is float else kind) and not isinstance(value, bool) and value != ""
    if not fits or (number and not low <= value <= high):
        raise ValueError(f"has {name} = {value!r}, needs {needs}{f' of {low} to {high}' * number}")
    return kind(value)  # type: ignore[call-arg]


def _list(value: Any, name: str, kind: type[Kind], low: int = 0, high: int = 0) -> tuple[Kind, ...]:
    """A list of at least one value."""
    if not isinstance(value, list) or not value:
        raise ValueError(f"has {name} = {value!r}, needs a list of {'texts' if kind is str else 'whole numbers'}")
    return tuple(_value(item, f"an item of {name}" if kind is str else name, kind, low, high) for item in value)
