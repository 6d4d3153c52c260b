"""Options and outputs that the studies of `bcd bench` share."""

import argparse
import json
import logging
from pathlib import Path
from typing import Any

from bcdcodec.cli.options import SAMPLING_PRESETS, whole_number
from bcdcodec.errors import ConfigError

MAX_JOBS = 64
#: Exit code of a run whose page lacks failed measurements.
FAILED = 2


def add_clips(parser: argparse.ArgumentParser) -> None:
    """Add the folder of test clips."""
    parser.add_argument("clips", type=Path, metavar="CLIPS", help="folder of clips with a clips.csv")


def add_sampler_preset(parser: argparse.ArgumentParser) -> None:
    """Add the sampler's preset alone."""
    parser.add_argument("--preset", choices=SAMPLING_PRESETS, default="standard", help="sampler preset (standard)")


def add_work_options(parser: argparse.ArgumentParser, study: str, *, jobs: bool = True) -> None:
    """Add the folder of records and the worker processes."""
    work = f"build/{study}"
    parser.add_argument(
        "--work", type=Path, default=Path(work), metavar="DIR", help=f"folder of finished measurements ({work})"
    )
    if jobs:
        parser.add_argument("--jobs", type=whole_number(1, MAX_JOBS), default=1, metavar="N", help="processes (1)")


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the folder of the page and what is printed."""
    parser.add_argument("--out", type=Path, default=Path("docs"), metavar="DIR", help="folder of the page (docs)")
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")


def check_folder(folder: Path) -> None:
    """ConfigError where there is no such folder."""
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder of clips")


def report(options: argparse.Namespace, numbers: dict[str, Any], *, page: Path) -> int:
    """Print the numbers or the page's path; the exit code says whether measurements failed."""
    if options.json:
        print(json.dumps(numbers))
    elif not options.quiet:
        print(page)
    if failures := numbers.get("failures"):
        logging.getLogger("bcdcodec").error("%d measurements failed, see %s", len(failures), page)
        return FAILED
    return 0
