"""`bcd ablate`: what each part of the method does. In: clips. Out: a folder with runs, a page and pictures."""

import argparse
from pathlib import Path

from bcdcodec.cli.options import MAX_SEED, MAX_UPDATES, Commands, add_device_option, new_command, whole_number
from bcdcodec.cli.progress import progress_bars
from bcdcodec.cli.streams import check_clips
from bcdcodec.config import PRESET_NAMES

MAX_PAIRS, PAIRS, STEPS = 100_000, 128, 700

EXAMPLES = """  bcd data sprites Sprites/sheets sprites
  bcd ablate sprites/train sprites/test ablation --precision bf16
  bcd ablate lrs3/train lrs3/test ablation --preset lrs3 --steps 300000 --device cuda
Six runs: nothing changed, three other bitrates, no rate loss, not cross-driven. The same command goes on where it was
cut off. Where the clips are sprites, transfers are compared with the true clips."""


def add_command(commands: Commands) -> None:
    """The command and its options."""
    parser = new_command(
        commands, "ablate", about="train a preset without each part of the method, and compare", examples=EXAMPLES
    )
    parser.add_argument("data", type=Path, metavar="TRAIN", help="folder of clips to learn from")
    parser.add_argument("test", type=Path, metavar="TEST", help="folder of clips of other people, to measure on")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of the runs and of what is found")
    parser.add_argument("--preset", choices=PRESET_NAMES, default="sprites-tiny", help="model to train (sprites-tiny)")
    parser.add_argument(
        "--steps",
        type=whole_number(1, MAX_UPDATES),
        default=STEPS,
        metavar="N",
        help=f"updates of each run ({STEPS})",
    )
    parser.add_argument(
        "--pairs",
        type=whole_number(1, MAX_PAIRS),
        default=PAIRS,
        metavar="N",
        help=f"transfers between sprites to compare with the truth ({PAIRS})",
    )
    parser.add_argument(
        "--vae", type=Path, metavar="VAE.safetensors", help="autoencoder of bcd train vae, if the preset has one"
    )
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="of training (fp32)")
    parser.add_argument("--seed", type=whole_number(0, MAX_SEED), default=0, help="of weights and batches (0)")
    add_device_option(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train, measure, write; says where the page is."""
    for folder in (options.data, options.test):
        check_clips(folder)
    from bcdcodec.ablation.commands import PAGE, ablate

    with progress_bars(shown=False if options.quiet else None) as progress:
        ablate(
            options.preset,
            options.data,
            options.test,
            options.out,
            steps=options.steps,
            pairs=options.pairs,
            vae=options.vae,
            seed=options.seed,
            precision=options.precision,
            device=options.device,
            progress=progress,
        )
    if not options.quiet:
        print(options.out / PAGE)
    return 0
