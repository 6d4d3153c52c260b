"""`bcd data prepare`: make a folder of clips for training out of videos."""

import argparse
import dataclasses
import json
from pathlib import Path

from bcdcodec.cli.options import Commands, add_quiet_option, add_workers_option, new_command, seconds
from bcdcodec.cli.progress import progress_bar
from bcdcodec.errors import ConfigError, FaceError

EXAMPLES = """  bcd data prepare videos interview.mp4 clips --workers 8
  bcd data prepare videos clips --person source              # without pip install '.[metrics]'
  bcd data prepare /shared/videos /shared/clips --ray auto   # all machines of a running Ray cluster
  bcd train codec --model face --data clips --vae vae.safetensors --run runs/face --updates 50000
The same command resumes where it was interrupted, and processes only new sources."""


def add_command(commands: Commands) -> None:
    """Add the command and its options."""
    parser = new_command(
        commands, "prepare", run, about="make a folder of clips for training out of videos", examples=EXAMPLES
    )
    parser.add_argument("sources", nargs="+", type=Path, metavar="SRC", help="media files, and folders of them")
    parser.add_argument("target", type=Path, metavar="DST", help="folder to write: clips of one face each, clips.csv")
    parser.add_argument(
        "--clip-seconds", type=seconds, default=4.0, metavar="S", help="length of the clips that shots are cut into (4)"
    )
    parser.add_argument(
        "--person",
        choices=("faces", "source"),
        default="faces",
        help="who is who: similar faces are one person, or each source is one (faces)",
    )
    add_workers_option(parser, about="processes (1)", default=None)
    parser.add_argument(
        "--ray",
        metavar="ADDRESS|local",
        help="work on a Ray cluster, whose machines have bcdcodec and see the same paths; local: --workers processes "
        "here",
    )
    parser.add_argument("--json", action="store_true", help="print the summary for a program to read")
    add_quiet_option(parser)


def run(options: argparse.Namespace) -> int:
    """Make the clips and their list; FaceError where there is no clip at all."""
    if options.workers is not None and options.ray not in (None, "local"):
        raise ConfigError("--workers is of this machine; a Ray cluster brings its own")
    from bcdcodec.preparation.commands import prepare
    from bcdcodec.preparation.source import Settings

    with progress_bar(options, "sources") as progress:
        summary = prepare(
            options.sources,
            options.target,
            settings=Settings(clip_seconds=options.clip_seconds, person=options.person),
            workers=options.workers or 1,
            ray=options.ray,
            progress=progress,
        )
    if options.json:
        print(json.dumps(dataclasses.asdict(summary)))
    elif not options.quiet:
        print(
            f"{options.target}: {summary.clips} clips, {summary.seconds:.1f} s, people: {summary.people}; sources: "
            f"{summary.sources}, {summary.broken} broken, {summary.repeated} repeated; shots: {summary.shots}, "
            f"{summary.shots_without_face} without a face"
        )
    if not summary.clips:
        raise FaceError(f"no clip was made of {summary.sources} sources")
    return 0
