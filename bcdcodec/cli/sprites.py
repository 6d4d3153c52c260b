"""`bcd sprites-data` and `bcd sprites-judge`: the Sprites data set and its judge."""

import argparse
import json
from pathlib import Path

from bcdcodec.cli.options import (
    MAX_SEED,
    Commands,
    new_command,
    whole_number,
)
from bcdcodec.cli.progress import progress_bar
from bcdcodec.cli.streams import check_file, check_folder

MAX_JUDGE_STEPS = 1_000_000

EXAMPLES = """  bcd sprites-data Sprites/sheets sprites
  bcd sprites-judge sprites judge.safetensors
  bcd train --preset sprites-tiny --data sprites/train --run runs/tiny --steps 10000
  bcd export --run runs/tiny tiny.safetensors
  bcd bench sprites sprites --weights tiny.safetensors"""


def add_command(commands: Commands) -> None:
    """Add both commands."""
    data = new_command(commands, "sprites-data", about="build the Sprites data set from its sheets", examples=EXAMPLES)
    data.add_argument("sheets", type=Path, metavar="SHEETS", help="folder of body, bottomwear, topwear, hair, shoes")
    data.add_argument("out", type=Path, metavar="DIR", help="folder to write: DIR/train and DIR/test")
    data.add_argument("-f", "--force", action="store_true", help="write into a folder that is not empty")
    data.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    data.set_defaults(run=run_data)

    judge = new_command(commands, "sprites-judge", about="train the judge of sprites", examples=EXAMPLES)
    judge.add_argument("data", type=Path, metavar="DIR", help="what bcd sprites-data wrote")
    judge.add_argument("target", metavar="JUDGE.safetensors", help="file to write")
    judge.add_argument(
        "--steps", type=whole_number(1, MAX_JUDGE_STEPS), default=1500, metavar="N", help="updates of 32 clips (1500)"
    )
    judge.add_argument("--seed", type=whole_number(0, MAX_SEED), default=0, help="of weights and batches (0)")
    judge.add_argument("--json", action="store_true", help="print accuracies for a program to read")
    judge.add_argument("-f", "--force", action="store_true", help="replace an existing output")
    judge.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    judge.set_defaults(run=run_judge)


def run_data(options: argparse.Namespace) -> int:
    """Draw every clip."""
    check_folder(options.out, force=options.force)
    from bcdcodec.sprites.dataset import build

    with progress_bar("characters", unit="", total=None, shown=False if options.quiet else None) as progress:
        counts = build(options.sheets, options.out, progress=progress)
    if not options.quiet:
        print(f"{options.out}: " + ", ".join(f"{count} {part} clips" for part, count in counts.items()))
    return 0


def run_judge(options: argparse.Namespace) -> int:
    """Train on the train part, measure on the test part, write the file."""
    target = check_file(options.target, what="a judge", force=options.force)
    from bcdcodec.sprites.judge import make_judge

    with progress_bar("steps", unit="", total=options.steps, shown=False if options.quiet else None) as progress:
        accuracies = make_judge(
            options.data,
            target,
            steps=options.steps,
            seed=options.seed,
            progress=lambda step, loss: progress(step, None),
        )
    if options.json:
        print(json.dumps(accuracies))
    elif not options.quiet:
        print(f"{target}: on real test clips " + ", ".join(f"{k} {100 * v:.2f} %" for k, v in accuracies.items()))
    return 0
