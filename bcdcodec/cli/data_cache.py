"""`bcd data cache`: encode the clips of a folder once, for all runs that train on them."""

import argparse
from pathlib import Path

from bcdcodec.cli.options import (
    Commands,
    add_device_option,
    add_quiet_option,
    add_vae_option,
    add_workers_option,
    call_with,
    new_command,
    seed,
    whole_number,
)
from bcdcodec.cli.progress import progress_bar
from bcdcodec.cli.streams import check_clips, print_next
from bcdcodec.cli.train_codec import MAX_EXCERPTS
from bcdcodec.config import PRESET_NAMES

EXAMPLES = """  bcd data cache clips cache --model lrs3 --workers 4
  bcd data cache clips cache --vae vae.safetensors
  bcd train codec --model lrs3 --cache cache --run runs/lrs3 --updates 1000000
Started by torchrun, each process makes its own shards. The same command resumes."""


def add_command(commands: Commands) -> None:
    """Add the command and its options."""
    parser = new_command(commands, "cache", run, about="encode clips once, for many training runs", examples=EXAMPLES)
    parser.add_argument("clips", type=Path, metavar="CLIPS", help="folder of clips with clips.csv")
    parser.add_argument("target", type=Path, metavar="CACHE", help="folder to write: shards of 256 clips")
    parser.add_argument("--model", choices=PRESET_NAMES, default="face", help="model preset to train (face)")
    add_vae_option(parser)
    parser.add_argument(
        "--excerpts",
        type=whole_number(0, MAX_EXCERPTS),
        default=0,
        metavar="N",
        help="augmented short excerpts in the place of the clips; 0: the clips (0)",
    )
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of the excerpts (0)")
    add_workers_option(parser, about="processes that read the clips, of each that torchrun starts (1)")
    add_device_option(parser)
    add_quiet_option(parser)


def run(options: argparse.Namespace) -> int:
    """Make the shards of this process."""
    check_clips(options.clips)
    from bcdcodec.training.caching import CacheOptions, make_cache

    with progress_bar(options, "clips") as progress:
        summary = make_cache(call_with(CacheOptions, options, out=options.target), progress)
    if not options.quiet:
        print(
            f"{options.target}: {summary.clips} clips in {summary.shards} shards by process {summary.process} of "
            f"{summary.processes}; {'complete' if summary.complete else 'other processes are not done'}"
        )
    if summary.complete and summary.process == 0:
        run_words = ("--cache", options.target, "--run", f"runs/{options.model}", "--updates", 50000)
        vae = () if options.vae is None else ("--vae", options.vae)
        print_next(options, "bcd", "train", "codec", "--model", options.model, *vae, *run_words)
    return 0
