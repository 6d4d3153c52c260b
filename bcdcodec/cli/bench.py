"""`bcd bench`. In: a plan and a folder of clips. Out: a page of rate and distortion, for evaluation/bench."""

import argparse
import json
import logging
from pathlib import Path

from bcdcodec.cli.options import SAMPLING_PRESETS, Commands, add_model_options, new_command, whole_number
from bcdcodec.cli.progress import progress_bars
from bcdcodec.errors import ConfigError
from bcdcodec.weightfile import DEFAULT_NAME

MAX_JOBS = 64
#: The exit code of a run whose page lacks something.
FAILED = 2

EXAMPLES = """  bcd bench benchmarks/rd_small.toml clips --out docs
  bcd bench benchmarks/rd_full.toml clips --out docs --jobs 8 --json
The same command goes on where it was cut off: finished cells are kept in --work.
What cannot be measured is named, left out, and makes the exit code 2."""


def add_command(commands: Commands) -> None:
    """The command and its options."""
    parser = new_command(commands, "bench", about="compare with other video codecs at equal bytes", examples=EXAMPLES)
    parser.add_argument("plan", type=Path, metavar="PLAN.toml", help="codecs, rates, clips and metrics")
    parser.add_argument("clips", type=Path, metavar="CLIPS", help="folder of clips with a clips.csv")
    parser.add_argument("--out", type=Path, default=Path("docs"), metavar="DIR", help="for results.md (docs)")
    parser.add_argument(
        "--work", type=Path, default=Path("build/bench"), metavar="DIR", help="for finished cells (build/bench)"
    )
    parser.add_argument("--jobs", type=whole_number(1, MAX_JOBS), default=1, metavar="N", help="cells at a time (1)")
    parser.add_argument("--preset", choices=SAMPLING_PRESETS, default="standard", help="of bcdcodec (standard)")
    add_model_options(parser, weights=DEFAULT_NAME)
    parser.add_argument("--json", action="store_true", help="print the numbers for a program to read")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure what is not measured yet and write the page."""
    if not options.clips.is_dir():
        raise ConfigError(f"{options.clips} is no folder of clips")
    from bcdcodec.evaluation.bench.about import Request
    from bcdcodec.evaluation.bench.command import PAGE, bench

    request = Request(
        plan=options.plan,
        clips=options.clips,
        out=options.out,
        work=options.work,
        weights=options.weights or DEFAULT_NAME,
        device=options.device,
        preset=options.preset,
        jobs=options.jobs,
    )
    with progress_bars(shown=False if options.quiet else None) as progress:
        numbers = bench(request, progress=progress)
    if options.json:
        print(json.dumps(numbers))
    elif not options.quiet:
        print(options.out / PAGE)
    failures = numbers["failures"]
    if failures:
        logging.getLogger("bcdcodec").error("%d measurements failed, see %s", len(failures), options.out / PAGE)
        return FAILED
    return 0
