"""Options and the report that the studies of `bcd bench` share."""

import argparse
import dataclasses
import json
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from bcdcodec.cli.options import MAX_WORKERS, add_quiet_option, call_with, whole_number
from bcdcodec.cli.progress import progress_bars
from bcdcodec.cli.streams import check_clips
from bcdcodec.errors import ConfigError

#: Exit code of a run whose page lacks failed measurements.
FAILED = 2
#: Folder of the pages of quick versions, so that none replaces that of a study.
QUICK = "quick"


def add_clips(parser: argparse.ArgumentParser, *, before: str = "", about: str = "") -> None:
    """Add the folder of test clips. before, about: a file that may be named first, for `split_paths`."""
    clips = "folder of clips, or of any videos"
    if not before:
        parser.add_argument("clips", type=Path, metavar="CLIPS", help=clips)
        return
    # One list, as argparse would take the first of two for the folder where an option stands between them.
    parser.usage = f"{parser.prog} [options] [{before}] CLIPS"
    parser.add_argument("paths", type=Path, nargs="+", metavar="CLIPS", help=f"{clips}; {before} before it: {about}")


def split_paths(options: argparse.Namespace) -> tuple[Path | None, Path]:
    """The file that may be named first, and the folder of clips. ConfigError for more."""
    *first, clips = map(Path, options.paths)
    if len(first) > 1:
        raise ConfigError(f"{len(options.paths)} files and folders are named, needs a folder of clips, after one file")
    return (first[0] if first else None), clips


def add_quick_option(parser: argparse.ArgumentParser) -> None:
    """Add --quick, whose page has a folder of its own."""
    parser.add_argument("--quick", action="store_true", help=f"a trial in minutes; its page goes to OUT/{QUICK}")


def add_study_options(parser: argparse.ArgumentParser, study: str | None, *, jobs: bool = True) -> None:
    """Add the folder of records of a `study`, None for none, the worker processes, the folder of the page, and what is
    printed.
    """
    if study is not None:
        work = f"build/{study}"
        parser.add_argument(
            "--work", type=Path, default=Path(work), metavar="DIR", help=f"folder of finished measurements ({work})"
        )
    if jobs:
        parser.add_argument("--jobs", type=whole_number(1, MAX_WORKERS), default=1, metavar="N", help="processes (1)")
    parser.add_argument("--out", type=Path, default=Path("docs"), metavar="DIR", help="folder of the page (docs)")
    add_report_options(parser)


def add_report_options(parser: argparse.ArgumentParser) -> None:
    """Add what is printed."""
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")
    add_quiet_option(parser)


def start_study(options: argparse.Namespace) -> None:
    """Check the folder of clips, and name the folder of a quick page; ConfigError where there is no such folder."""
    check_clips(options.clips)
    if options.quick:
        options.out /= QUICK


def run_study(options: argparse.Namespace, study: ModuleType, **others: Any) -> int:
    """Run a study by a request of its options and `others`; study: module with PAGE, Request and `run_study`."""
    return report(options, study.PAGE, partial(study.run_study, call_with(study.Request, options, **others)))


def report(options: argparse.Namespace, page: str, run: Callable[..., Any]) -> int:
    """Run a study under progress bars and print its numbers or its page's path; FAILED where measurements failed.

    page: name of the file in --out. run: takes `progress`, measures what is missing, writes the page and returns the
    numbers: a dict or a dataclass.
    """
    with progress_bars(options) as progress:
        result = run(progress=progress)
    numbers = result if isinstance(result, dict) else dataclasses.asdict(result)
    path = options.out / page
    if options.json:
        print(json.dumps(numbers))
    elif not options.quiet:
        print(path)
    if failures := numbers.get("failures"):
        logging.getLogger("bcdcodec").error("%d measurements failed, see %s", len(failures), path)
        return FAILED
    return 0
