"""What a benchmark measures. In: a TOML file. Out: a `Plan`: clips, series (codec, size, profile, frame rate), points.

The file holds

    seconds = 8.0                          # of each clip, from its start
    clips = ["a333fdc381", "89c9f4690e"]   # all of the folder where left out
    metrics = ["psnr", "lpips-alex"]       # names of metrics/table.py; those of faces need faces-lost
    sets_every_nth = 10                    # frames for distances between sets; not measured where left out
    inception = "weights.pth"              # FID and KID proper (metrics/fid.py); beside this file
    [every_nth]                            # frames that a metric looks at, 1 where left out
    lpips-alex = 5
    [transfer]                             # where left out, transfer is not measured
    pairs = "transfer_pairs.csv"           # beside this file: columns content and motion
    seconds = 2.0
    [[codec]]
    name = "bcdcodec"                      # or one of rivals.py
    frame_rates = ["12.5"]
    points = [1000, 2000, 3000, 4000, 8000]  # bcdcodec: bit/s; others: crf or qp
    sides = [256, 128]                     # others only: coded at this size, scaled back up
    profiles = ["lookahead"]               # others only
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.bench.fields import Table, number, only, present, table, tables, text, texts, whole
from bcdcodec.evaluation.bench.series import HELD, OWN, SIDE, Series, read_series
from bcdcodec.evaluation.metrics.table import LOST, METRICS

MAX_SECONDS, MAX_STEP = 3600, 1000
#: What these measure lies between frames: a step would change what they are.
EVERY_FRAME = frozenset({"flicker", "vmaf"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferPlan:
    """pairs: a CSV file. seconds: of each clip."""

    pairs: Path
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """clips: names, empty for every clip. every_nth: frames between two that a metric looks at; sets_every_nth: the
    same for distances between sets of frames, 0 where those are not measured. inception: weights of FID's network, None
    for features of a network that a package carries. series: also the first frame held, once a frame rate.
    """

    seconds: float
    clips: tuple[str, ...]
    metrics: tuple[str, ...]
    every_nth: dict[str, int]
    series: tuple[Series, ...]
    transfer: TransferPlan | None
    sets_every_nth: int
    inception: Path | None


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
    except ValueError as error:  # ConfigError too
        raise ConfigError(f"{path} {error}") from error


def _plan(found: Table, folder: Path) -> Plan:
    known = {"seconds", "clips", "metrics", "every_nth", "sets_every_nth", "inception", "transfer", "codec"}
    only(found, known, of="the plan")
    metrics = texts(present(found, "metrics"), "metrics")
    every_nth = {
        name: whole(step, f"{name} of every_nth", 1, MAX_STEP)
        for name, step in table(found.get("every_nth", {}), "every_nth").items()
    }
    if unknown := ({*metrics} | {*every_nth}) - {*METRICS}:
        raise ValueError(f"names metrics {', '.join(sorted(unknown))}, known are {', '.join(METRICS)}")
    if whole_only := sorted({*every_nth} & EVERY_FRAME):
        raise ValueError(f"has every_nth of {', '.join(whole_only)}, which need every frame")
    of_faces = [name for name in metrics if METRICS[name].of_faces]
    if of_faces and LOST not in metrics:
        raise ValueError(f"has metrics of faces ({', '.join(of_faces)}) without {LOST}, needs both")
    sets_every_nth = whole(found.get("sets_every_nth", 0), "sets_every_nth", 0, MAX_STEP)
    inception = None
    if "inception" in found:
        inception = folder / text(found["inception"], "inception")
        if not sets_every_nth:
            raise ValueError("has inception without sets_every_nth, needs both")
    series = [item for codec in tables(present(found, "codec"), "codec") for item in read_series(codec)]
    names = [item.name for item in series]
    if len({*names}) < len(names):
        raise ValueError("has the same codec, size, profile and frame rate twice")
    rates = list(dict.fromkeys(item.rate for item in series if item.codec == OWN))
    if not rates:
        raise ValueError(f"has no codec {OWN} to compare others with")
    if lonely := [item.name for item in series if item.rate not in rates]:
        raise ValueError(f"has {', '.join(lonely)}, but {OWN} at no such frame rate, and rates are not mixed")
    held = [Series(codec=HELD, side=SIDE, profile="", rate=rate, points=(0,)) for rate in rates]
    return Plan(
        seconds=number(present(found, "seconds"), "seconds", 1, MAX_SECONDS),
        clips=texts(found["clips"], "clips") if "clips" in found else (),
        metrics=metrics,
        every_nth=every_nth,
        series=(*series, *held),
        transfer=_transfer(table(found["transfer"], "transfer"), folder) if "transfer" in found else None,
        sets_every_nth=sets_every_nth,
        inception=inception,
    )


def _transfer(found: Table, folder: Path) -> TransferPlan:
    only(found, {"pairs", "seconds"}, of="transfer")
    return TransferPlan(
        pairs=folder / text(present(found, "pairs"), "pairs"),
        seconds=number(present(found, "seconds"), "seconds of transfer", 1, MAX_SECONDS),
    )
