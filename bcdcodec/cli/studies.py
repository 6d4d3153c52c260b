"""Options of the studies of `bcd bench`."""

import argparse
import json
import logging
from pathlib import Path
from typing import Any

from bcdcodec.cli.options import SAMPLING_PRESETS, Commands, add_model_options, new_command, seconds, whole_number
from bcdcodec.cli.progress import progress_bars
from bcdcodec.errors import ConfigError
from bcdcodec.weightfile import DEFAULT_NAME

MAX_JOBS = 64
#: Exit code of a run whose page lacks failed measurements.
FAILED = 2


def add_rate_distortion(studies: Commands) -> None:
    """Add the comparison with other video codecs."""
    parser = new_command(
        studies,
        "rate-distortion",
        about="compare with other video codecs at equal rate",
        examples="""  bcd bench rate-distortion benchmarks/rd_small.toml clips --jobs 2
  bcd bench rate-distortion benchmarks/rd_full.toml clips --out out --jobs 64 --json
What cannot be measured is named, left out, and makes the exit code 2.""",
    )
    parser.add_argument("plan", type=Path, metavar="PLAN.toml", help="codecs, rates, clips and metrics")
    _add_clips(parser)
    _add_sampler_preset(parser)
    add_model_options(parser, weights=DEFAULT_NAME)
    _add_run_options(parser, "rate_distortion")
    parser.set_defaults(run=run_rate_distortion)


def run_rate_distortion(options: argparse.Namespace) -> int:
    """Measure what is missing and write the page."""
    _check_folder(options.clips)
    from bcdcodec.studies.rate_distortion.study import PAGE, Request, run_study

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
        numbers = run_study(request, progress=progress)
    return _report(options, numbers, page=options.out / PAGE)


def add_transfer(studies: Commands) -> None:
    """Add the cross-identity transfer study."""
    parser = new_command(
        studies,
        "transfer",
        about="transfer motion between people, and compare with both",
        examples="  bcd bench transfer clips --pairs benchmarks/transfer_pairs.csv",
    )
    _add_clips(parser)
    parser.add_argument(
        "--pairs", type=Path, required=True, metavar="PAIRS.csv", help="names of clips, columns content and motion"
    )
    parser.add_argument("--seconds", type=seconds, default=2.0, metavar="S", help="length of each clip (2)")
    _add_sampler_preset(parser)
    add_model_options(parser, weights=DEFAULT_NAME)
    _add_run_options(parser, "transfer")
    parser.set_defaults(run=run_transfer)


def run_transfer(options: argparse.Namespace) -> int:
    """Measure what is missing and write the page."""
    _check_folder(options.clips)
    from bcdcodec.studies.transfer.study import PAGE, Request, run_study

    request = Request(
        clips=options.clips,
        pairs=options.pairs,
        out=options.out,
        work=options.work,
        weights=options.weights or DEFAULT_NAME,
        device=options.device,
        preset=options.preset,
        seconds=options.seconds,
        jobs=options.jobs,
    )
    with progress_bars(shown=False if options.quiet else None) as progress:
        numbers = run_study(request, progress=progress)
    return _report(options, numbers, page=options.out / PAGE)


#: Studies in the order of the help.
STUDIES = (add_rate_distortion, add_transfer)


def _add_clips(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clips", type=Path, metavar="CLIPS", help="folder of clips with a clips.csv")


def _add_sampler_preset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", choices=SAMPLING_PRESETS, default="standard", help="sampler preset (standard)")


def _add_run_options(parser: argparse.ArgumentParser, study: str, *, jobs: bool = True) -> None:
    """Add folders, worker processes and outputs."""
    work = f"build/{study}"
    parser.add_argument("--out", type=Path, default=Path("docs"), metavar="DIR", help="folder of the page (docs)")
    parser.add_argument(
        "--work", type=Path, default=Path(work), metavar="DIR", help=f"folder of finished measurements ({work})"
    )
    if jobs:
        parser.add_argument("--jobs", type=whole_number(1, MAX_JOBS), default=1, metavar="N", help="processes (1)")
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder of clips")


def _report(options: argparse.Namespace, numbers: dict[str, Any], *, page: Path) -> int:
    """Print the numbers or the page's path; the exit code says whether measurements failed."""
    if options.json:
        print(json.dumps(numbers))
    elif not options.quiet:
        print(page)
    if failures := numbers.get("failures"):
        logging.getLogger("bcdcodec").error("%d measurements failed, see %s", len(failures), page)
        return FAILED
    return 0
