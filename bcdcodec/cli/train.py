"""`bcd train`: the group of training commands. Training is imported inside the commands only."""

from bcdcodec.cli import train_codec, train_denoiser, train_judge, train_motion, train_parts
from bcdcodec.cli.options import Commands, new_group


def add_command(commands: Commands) -> None:
    """Add the group and its commands."""
    group = new_group(commands, "train", about="train models, and turn runs into weights files")
    for module in (train_codec, train_parts, train_denoiser, train_motion, train_judge):
        module.add_command(group)
