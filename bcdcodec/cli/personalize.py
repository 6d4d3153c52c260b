"""`bcd personalize`: weights of one person. In: options. Out: a weights file, for training/personal.py."""

import argparse
from pathlib import Path

from bcdcodec.cli.options import MAX_SEED, Commands, new_command, whole_number
from bcdcodec.cli.progress import progress_bars
from bcdcodec.cli.streams import check_file
from bcdcodec.errors import ConfigError
from bcdcodec.weightfile import DEFAULT_NAME, find_weights, open_weights

MAX_PERSONAL_STEPS = 100_000
EXAMPLES = """  bcd personalize alice.mp4 alice.safetensors
  bcd encode talk.mp4 talk.bcd --weights alice.safetensors
  bcd decode talk.bcd talk-again.mp4 --weights alice.safetensors"""


def add_command(commands: Commands) -> None:
    """The command and its options."""
    parser = new_command(commands, "personalize", about="train the decoder further on one person", examples=EXAMPLES)
    parser.add_argument("source", type=Path, metavar="CLIP", help="video of the person, ten seconds or more")
    parser.add_argument("target", metavar="OUT.safetensors", help="file to write")
    parser.add_argument("--weights", default=DEFAULT_NAME, metavar="NAME|PATH", help=f"to start from ({DEFAULT_NAME})")
    parser.add_argument(
        "--steps", type=whole_number(1, MAX_PERSONAL_STEPS), default=300, metavar="N", help="updates (300)"
    )
    parser.add_argument("--seed", type=whole_number(0, MAX_SEED), default=0, help="of the batches (0)")
    parser.add_argument(
        "--crop",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="follow the face, or take the centred square",
    )
    parser.add_argument(
        "--precision", choices=("fp32", "bf16"), default="fp32", help="bf16: faster, where the processor has it (fp32)"
    )
    parser.add_argument("-f", "--force", action="store_true", help="replace an existing output")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the weights and say their id."""
    out = check_file(options.target, what="a weights file", force=options.force)
    if not options.source.is_file():
        raise ConfigError(f"{options.source} is no file")
    weights = find_weights(options.weights)
    from bcdcodec.training.personal import personalize

    with progress_bars(shown=False if options.quiet else None) as progress:
        personalize(
            options.source,
            out,
            weights=weights,
            steps=options.steps,
            crop=options.crop,
            seed=options.seed,
            precision=options.precision,
            progress=progress,
        )
    if not options.quiet:
        print(f"{out}: {out.stat().st_size} bytes, model {open_weights(out).model_id.hex()}")
    return 0
