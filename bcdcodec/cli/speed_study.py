"""Study of speed of `bcd bench`."""

import argparse
from functools import partial
from pathlib import Path

from bcdcodec.cli.options import Commands, add_model_options, call_with, new_command
from bcdcodec.cli.study_options import add_study_options, report
from bcdcodec.weightfile import DEFAULT_NAME


def add_speed(studies: Commands) -> None:
    """Add the study of speed."""
    parser = new_command(
        studies,
        "speed",
        run_speed,
        about="time every stage of encoding and decoding a clip",
        examples="""  bcd bench speed talk.mp4
  bcd bench speed talk.mp4 --device cuda --out speed --json
Stages are timed on the processor, on one core and on two; on a graphics card decoding by numbers of segments.""",
    )
    parser.add_argument("clip", type=Path, metavar="CLIP", help="a video of one face")
    add_model_options(parser, weights=DEFAULT_NAME)
    add_study_options(parser, None, jobs=False)


def run_speed(options: argparse.Namespace) -> int:
    """Measure and write the page."""
    from bcdcodec.studies.speed.study import PAGE, Request, run_study

    return report(options, PAGE, partial(run_study, call_with(Request, options)))
