"""`bcd train judge`: train the classifier that judges sprites."""

import argparse
import json
from pathlib import Path

from bcdcodec.cli.options import Commands, add_updates_options, add_write_options, new_command
from bcdcodec.cli.progress import progress_bar
from bcdcodec.cli.streams import check_file, print_next

MAX_JUDGE_UPDATES, UPDATES = 1_000_000, 1500

EXAMPLES = """  bcd data sprites Sprites/sheets sprites
  bcd train judge sprites judge.safetensors"""


def add_command(commands: Commands) -> None:
    """Add the command and its options."""
    parser = new_command(commands, "judge", run, about="train the judge of sprites", examples=EXAMPLES)
    parser.add_argument("data", type=Path, metavar="DIR", help="what bcd data sprites wrote")
    parser.add_argument("target", metavar="JUDGE.safetensors", help="file to write")
    add_updates_options(parser, default=UPDATES, most=MAX_JUDGE_UPDATES, about="updates of 32 clips")
    parser.add_argument("--json", action="store_true", help="print accuracies for a program to read")
    add_write_options(parser)


def run(options: argparse.Namespace) -> int:
    """Train on the train part, measure on the test part, write the file."""
    target = check_file(options.target, what="a judge", force=options.force)
    from bcdcodec.sprites.judge import make_judge

    with progress_bar(options, "updates", total=options.updates) as progress:
        accuracies = make_judge(
            options.data,
            target,
            steps=options.updates,
            seed=options.seed,
            progress=lambda done, loss: progress(done, None),
        )
    if options.json:
        print(json.dumps(accuracies))
    elif not options.quiet:
        print(f"{target}: on real test clips " + ", ".join(f"{k} {100 * v:.2f} %" for k, v in accuracies.items()))
    print_next(options, "bcd", "bench", "sprites", options.data, "--judge", target)
    return 0
