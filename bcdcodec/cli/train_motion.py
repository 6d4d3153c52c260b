"""`bcd train motion`: train or resume a motion model on code streams, and write its weights."""

import argparse
from pathlib import Path

from bcdcodec.cli.options import (
    Commands,
    add_data_option,
    add_precision_option,
    add_run_option,
    add_updates_options,
    add_write_options,
    call_with,
    new_command,
)
from bcdcodec.cli.progress import progress_bars
from bcdcodec.cli.streams import check_file, print_next
from bcdcodec.errors import ConfigError
from bcdcodec.weightfile import DEFAULT_NAME, find_weights

EXAMPLES = """  bcd train motion --data clips --run runs/motion --updates 2600 motion.safetensors
  bcd train motion --model motion --streams calls --run runs/large --updates 90000 large.safetensors
  torchrun --nproc-per-node 8 --no-python bcd train motion --streams calls --run runs/a --updates 9000 a.safetensors
The same command resumes a run that was interrupted."""
#: motion/config.py has the same; it is imported only when the command runs.
PRESETS = ("motion", "face-motion")


def add_command(commands: Commands) -> None:
    """Add the command and its options."""
    parser = new_command(commands, "motion", run, about="train a motion model on code streams", examples=EXAMPLES)
    parser.add_argument("target", metavar="OUT.safetensors", help="file to write: weights of bcd generate")
    parser.add_argument("--model", choices=PRESETS, default="face-motion", help="model preset to build (face-motion)")
    add_data_option(parser, required=False)
    parser.add_argument("--streams", type=Path, metavar="DIR", help="folder of .bcd files to train on, with all codes")
    parser.add_argument(
        "--weights", default=DEFAULT_NAME, metavar="NAME|PATH", help=f"codec that the codes are of ({DEFAULT_NAME})"
    )
    add_run_option(parser)
    add_updates_options(parser)
    add_precision_option(parser)
    add_write_options(parser)


def run(options: argparse.Namespace) -> int:
    """Train or resume, write the weights and print their bitrate."""
    out = check_file(options.target, what="a weights file", force=options.force)
    for folder in (options.data, options.streams):
        if folder is not None and not folder.is_dir():
            raise ConfigError(f"{folder} is no folder")
    weights = find_weights(options.weights)
    from bcdcodec.motion.commands import run_motion_training
    from bcdcodec.motion.training import MotionTrainOptions

    train_options = call_with(MotionTrainOptions, options, run=options.folder)
    with progress_bars(options) as progress:
        result = run_motion_training(train_options, weights, out, progress)
    if result is not None and not options.quiet:
        print(
            f"{out}: {out.stat().st_size} bytes, {result.model_bits:.1f} bits/frame on people held out, "
            f"{result.previous_bits:.1f} by the frame before, {result.order0_bits:.1f} by counts alone"
        )
    if result is not None:  # the first process alone speaks
        learned = options.folder / "streams.safetensors"
        study = ("CLIPS", "--quick", "--learned", learned, "--motion-weights", out)
        print_next(options, "bcd", "bench", "generation", *study)
    return 0
