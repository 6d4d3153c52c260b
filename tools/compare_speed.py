"""Compare two results of `bcd bench speed` by ratios within each of them, so that machines need not be equal.

python tools/compare_speed.py docs/performance/OLD.json docs/performance/NEW.json
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    """A stage of a job in two runs. shares: of the whole, 0 to 1; ratio: of the new time to the old, each relative to
    the fixed task of its run; None where the stage is new or took no time.
    """

    job: str
    cores: int
    stage: str
    shares: tuple[float, float]
    ratio: float | None


def changes(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    """Stages of the jobs that both runs have, each job's whole first."""
    before = {(profile["job"], profile["cores"]): profile["stages"] for profile in old["profiles"]}
    for profile in new["profiles"]:
        key, stages = (profile["job"], profile["cores"]), profile["stages"]
        if key not in before:
            continue
        wholes = sum(before[key].values()), sum(stages.values())
        for stage in ("whole", *dict.fromkeys([*before[key], *stages])):
            times = wholes if stage == "whole" else (before[key].get(stage, 0.0), stages.get(stage, 0.0))
            relative = times[0] / old["yardstick_ms"], times[1] / new["yardstick_ms"]
            ratio = relative[1] / relative[0] if relative[0] else None
            yield Change(*key, stage, (times[0] / wholes[0], times[1] / wholes[1]), ratio)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="compare_speed", description="Compare two results of bcd bench speed.")
    parser.add_argument("old", type=Path, help="numbers of an earlier run")
    parser.add_argument("new", type=Path, help="numbers of a later run")
    options = parser.parse_args(argv)
    try:
        old, new = (json.loads(path.read_text(encoding="utf-8")) for path in (options.old, options.new))
        print(f"{'job':18} {'cores':>5}  {'stage':26} {'old, %':>7} {'new, %':>7} {'new/old':>8}")
        for change in changes(old, new):
            ratio = "-" if change.ratio is None else f"{change.ratio:.2f}"
            shares = " ".join(f"{100 * share:7.1f}" for share in change.shares)
            print(f"{change.job:18} {change.cores:5}  {change.stage:26} {shares} {ratio:>8}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"compare_speed: no results of bcd bench speed: {error!r}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
