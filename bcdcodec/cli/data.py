"""`bcd data`: the group of commands that build data sets for training."""

import argparse
from pathlib import Path

from bcdcodec.cli import data_cache, prepare, train_denoiser
from bcdcodec.cli.options import Commands, add_quiet_option, new_command, new_group
from bcdcodec.cli.progress import progress_bar
from bcdcodec.cli.streams import check_folder

SPRITES_EXAMPLES = """  bcd data sprites Sprites/sheets sprites
  bcd train codec --model sprites-tiny --data sprites/train --run runs/tiny --updates 10000"""


def add_command(commands: Commands) -> None:
    """Add the group and its commands."""
    group = new_group(commands, "data", about="build folders of clips for training")
    prepare.add_command(group)
    data_cache.add_command(group)
    train_denoiser.add_pairs_command(group)

    sprites = new_command(
        group, "sprites", run_sprites, about="build the Sprites data set from its sheets", examples=SPRITES_EXAMPLES
    )
    sprites.add_argument("sheets", type=Path, metavar="SHEETS", help="folder of body, bottomwear, topwear, hair, shoes")
    sprites.add_argument("out", type=Path, metavar="DIR", help="folder to write: DIR/train and DIR/test")
    sprites.add_argument("-f", "--force", action="store_true", help="write into a folder that is not empty")
    add_quiet_option(sprites)


def run_sprites(options: argparse.Namespace) -> int:
    """Draw every clip."""
    check_folder(options.out, force=options.force)
    from bcdcodec.sprites.dataset import build

    with progress_bar(options, "characters") as progress:
        counts = build(options.sheets, options.out, progress=progress)
    if not options.quiet:
        print(f"{options.out}: " + ", ".join(f"{count} {part} clips" for part, count in counts.items()))
    return 0
