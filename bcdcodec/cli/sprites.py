"""`bcd sprites-score`: score a codec model of sprites by the judge."""

import argparse
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
from bcdcodec.cli.streams import check_folder

#: Weights that are scored when none are named.
SPRITES_WEIGHTS = "sprites-tiny"

EXAMPLES = """  bcd data sprites Sprites/sheets sprites
  bcd train codec --model sprites-tiny --data sprites/train --run runs/tiny --updates 10000
  bcd train export --run runs/tiny tiny.safetensors
  bcd sprites-score sprites scores --weights tiny.safetensors"""


def add_command(commands: Commands) -> None:
    """The command and its options."""
    score = new_command(commands, "sprites-score", about="score a model of sprites", examples=EXAMPLES)
    score.add_argument("data", type=Path, metavar="DIR", help="what bcd data sprites wrote")
    score.add_argument("out", type=Path, metavar="OUT", help="folder to write: scores.json, tables.md, pictures")
    score.add_argument("--judge", type=Path, metavar="JUDGE.safetensors", help="another judge than the package's")
    score.add_argument("--clips", type=whole_number(1, 10_000), metavar="N", help="so many pairs of clips only (all)")
    score.add_argument("--seed", type=whole_number(0, MAX_SEED), default=0, help="of pairs and noise (0)")
    add_sampling_options(score)
    add_model_options(score, weights=SPRITES_WEIGHTS)
    score.add_argument("--json", action="store_true", help="print the scores for a program to read")
    add_output_options(score)
    score.set_defaults(run=run_score)


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
