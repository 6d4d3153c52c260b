"""`bcd sprites-data`, `sprites-judge`, `sprites-score`. In: options. Out: the data set, its judge, the scores of a
model, for sprites/.
"""

import argparse
import json
from pathlib import Path

from bcdcodec.cli.options import (
    MAX_SEED,
    Commands,
    add_model_options,
    add_output_options,
    add_sampling_options,
    new_command,
    sampling_of,
    whole_number,
)
from bcdcodec.cli.progress import progress_bar
from bcdcodec.cli.streams import check_file, check_folder

MAX_JUDGE_STEPS = 1_000_000
#: Weights that are scored when none are named.
SPRITES_WEIGHTS = "sprites-tiny"

EXAMPLES = """  bcd sprites-data Sprites/sheets sprites
  bcd sprites-judge sprites judge.safetensors
  bcd train --preset sprites-tiny --data sprites/train --run runs/tiny --steps 10000
  bcd export --run runs/tiny tiny.safetensors
  bcd sprites-score sprites scores --weights tiny.safetensors"""


def add_command(commands: Commands) -> None:
    """The three commands and their options."""
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

    score = new_command(commands, "sprites-score", about="score a model of sprites", examples=EXAMPLES)
    score.add_argument("data", type=Path, metavar="DIR", help="what bcd sprites-data wrote")
    score.add_argument("out", type=Path, metavar="OUT", help="folder to write: scores.json, tables.md, pictures")
    score.add_argument("--judge", type=Path, metavar="JUDGE.safetensors", help="another judge than the package's")
    score.add_argument("--clips", type=whole_number(1, 10_000), metavar="N", help="so many pairs of clips only (all)")
    score.add_argument("--seed", type=whole_number(0, MAX_SEED), default=0, help="of pairs and noise (0)")
    add_sampling_options(score)
    add_model_options(score, weights=SPRITES_WEIGHTS)
    score.add_argument("--json", action="store_true", help="print the scores for a program to read")
    add_output_options(score)
    score.set_defaults(run=run_score)


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
    from bcdcodec.sprites.commands import make_judge

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


def run_score(options: argparse.Namespace) -> int:
    """Transfer test clips through the codec and write what the judge says of them."""
    check_folder(options.out, force=options.force)
    from bcdcodec.codec.model import CodecModel
    from bcdcodec.sprites.commands import score

    model = CodecModel.load(options.weights or SPRITES_WEIGHTS, device=options.device)
    with progress_bar("clips", unit="", shown=False if options.quiet else options.progress) as progress:
        scores = score(
            options.data,
            options.out,
            model=model,
            sampling=sampling_of(options, model.config),
            judge=options.judge,
            limit=options.clips,
            seed=options.seed,
            progress=progress,
        )
    if options.json:
        print(scores.to_json(), end="")
    elif not options.quiet:
        judged = ", ".join(f"{name} {100 * value:.2f} %" for name, value in scores.accuracies.items())
        print(f"{options.out}: cross-driven {judged}; codes {scores.entropy_bits:.2f} bits/frame, NMI {scores.nmi:.3f}")
    return 0
