"""Plan of a rate-distortion study: clips, metrics and series (codec, size, profile, frame rate), from a TOML file.

seconds = 8.0                          # of each clip, from its start
clips = ["a333fdc381", "89c9f4690e"]   # all of the folder where left out
metrics = ["psnr", "lpips-alex"]       # names of metrics/table.py; metrics of faces need faces-lost
distribution_every_nth = 10            # frame step of distribution metrics; not measured where left out
inception = "weights.pth"              # FID and KID proper (metrics/fid.py); beside this file
[every_nth]                            # frame step of a metric, 1 where left out
lpips-alex = 5
[[codec]]
name = "bcdcodec"                      # or one of baselines.py
frame_rates = ["12.5"]
points = [1000, 2000, 3000, 4000, 8000]  # bcdcodec: bit/s; others: crf or qp
sides = [256, 128]                     # others only: coded at this size, scaled back up
profiles = ["lookahead"]               # others only
"""

import tomllib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.metrics.table import LOST, METRICS
from bcdcodec.studies.rate_distortion import toml_schema as schema
from bcdcodec.studies.rate_distortion.baselines import BASELINES, LOOKAHEAD, PROFILES

OWN, FREEZE_FRAME = "bcdcodec", "freeze frame"
MAX_SECONDS, MAX_STEP, MAX_FRAME_RATE = 3600, 1000, 60
#: Metrics between frames: a frame step would change what they measure.
EVERY_FRAME = frozenset({"flicker", "vmaf"})
#: BD-rates of fewer points are contested.
MIN_POINTS = 5
SIDE, MIN_SIDE = 256, 64
#: Range of bcdcodec's bitrate, bit/s.
BITRATES = (500, 64000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A codec in one form. codec: OWN, FREEZE_FRAME or one of BASELINES. side: pixels coded. profile: of baselines.

    points: operating points; bit/s, crf or qp.
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
    """clips: names, empty for every clip. every_nth: frame step by metric; distribution_every_nth: 0 where distribution
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


def read_plan(path: Path) -> Plan:
    """Read and check a file. ConfigError names the mistake."""
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


def _plan(found: schema.Table, folder: Path) -> Plan:
    known = {"seconds", "clips", "metrics", "every_nth", "distribution_every_nth", "inception", "codec"}
    schema.check_keys(found, known, of="the plan")
    metrics = schema.as_strs(schema.require(found, "metrics"), "metrics")
    every_nth = {
        name: schema.as_int(step, f"{name} of every_nth", 1, MAX_STEP)
        for name, step in schema.as_table(found.get("every_nth", {}), "every_nth").items()
    }
    _check_metrics(metrics, every_nth)
    distribution = schema.as_int(found.get("distribution_every_nth", 0), "distribution_every_nth", 0, MAX_STEP)
    inception = None
    if "inception" in found:
        inception = folder / schema.as_str(found["inception"], "inception")
        if not distribution:
            raise ValueError("has inception without distribution_every_nth, needs both")
    tables = schema.as_tables(schema.require(found, "codec"), "codec")
    series = [item for table in tables for item in _series(table)]
    return Plan(
        seconds=schema.as_float(schema.require(found, "seconds"), "seconds", 1, MAX_SECONDS),
        clips=schema.as_strs(found["clips"], "clips") if "clips" in found else (),
        metrics=metrics,
        every_nth=every_nth,
        series=(*series, *_freeze_frames(series)),
        distribution_every_nth=distribution,
        inception=inception,
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


def _series(table: schema.Table) -> list[Series]:
    """Every form of one table [[codec]]. ValueError, or ConfigError for options that an encoder would refuse."""
    name = schema.as_str(schema.require(table, "name"), "name")
    if name != OWN and name not in BASELINES:
        raise ValueError(f"names the codec {name!r}, known are {', '.join([OWN, *BASELINES])}")
    low, high = BITRATES if name == OWN else (0, BASELINES[name].worst)
    points = schema.as_ints(schema.require(table, "points"), f"points of {name}", low, high)
    if len({*points}) < max(MIN_POINTS, len(points)):
        raise ValueError(f"has {len({*points})} different points for {name}, needs {MIN_POINTS}, each once")
    written = schema.as_strs(schema.require(table, "frame_rates"), f"frame_rates of {name}")
    rates = [_frame_rate(rate) for rate in written]
    if name == OWN:
        schema.check_keys(table, {"name", "frame_rates", "points"}, of=OWN)
        return [Series(codec=name, side=SIDE, profile="", rate=rate, points=points) for rate in rates]
    schema.check_keys(table, {"name", "frame_rates", "points", "sides", "profiles"}, of=name)
    sides = schema.as_ints(table.get("sides", [SIDE]), f"sides of {name}", MIN_SIDE, SIDE)
    if any(side % 2 for side in sides):
        raise ValueError(f"has sides {list(sides)} of {name}, needs even sides")
    profiles = schema.as_strs(table.get("profiles", [LOOKAHEAD]), f"profiles of {name}")
    if not {*profiles} <= {*PROFILES}:
        raise ValueError(f"has profiles {', '.join(profiles)} for {name}, known are {', '.join(PROFILES)}")
    return [
        Series(codec=name, side=side, profile=profile, rate=rate, points=points)
        for rate in rates
        for side in sides
        for profile in profiles
    ]


def _frame_rate(written: str) -> Fraction:
    try:
        rate = Fraction(written)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    schema.as_int(round(rate), f"the frame rate {written!r}", 1, MAX_FRAME_RATE)
    return rate
