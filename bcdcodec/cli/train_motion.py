"""`bcd train-motion`. In: options. Out: a run folder and a motion weights file, by motion/commands.py."""

import argparse
from pathlib import Path

from bcdcodec.cli.options import MAX_SEED, Commands, new_command, whole_number
from bcdcodec.cli.progress import progress_bars
from bcdcodec.cli.streams import check_file
from bcdcodec.cli.train import MAX_TRAINING_STEPS
from bcdcodec.errors import ConfigError
from bcdcodec.weightfile import DEFAULT_NAME, find_weights

EXAMPLES = """  bcd train-motion --data clips --run runs/motion --steps 2600 motion.safetensors
  bcd train-motion --preset motion --streams calls --run runs/large --steps 90000 large.safetensors
  torchrun --nproc-per-node 8 --no-python bcd train-motion --streams calls --run runs/a --steps 9000 a.safetensors
The same command resumes a run that was interrupted."""
#: motion/config.py has the same; it is imported only when the command runs.
PRESETS = ("motion", "face-motion")


def add_command(commands: Commands) -> None:
    """The command and its options."""
    parser = new_command(commands, "train-motion", about="train a motion model on code streams", examples=EXAMPLES)
    parser.add_argument("target", metavar="OUT.safetensors", help="file to write: weights of bcd generate")
    parser.add_argument("--preset", choices=PRESETS, default="face-motion", help="model to build (face-motion)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of clips, whose codes are learned from")
    parser.add_argument("--streams", type=Path, metavar="DIR", help="folder of .bcd files to learn from, of all codes")
    parser.add_argument(
        "--weights", default=DEFAULT_NAME, metavar="NAME|PATH", help=f"codec whose codes they are ({DEFAULT_NAME})"
    )
    parser.add_argument(
        "--run", dest="folder", type=Path, required=True, metavar="RUN", help="folder of the run; resumed if it exists"
    )
    parser.add_argument(
        "--steps", type=whole_number(1, MAX_TRAINING_STEPS), required=True, metavar="N", help="updates in all"
    )
    parser.add_argument("--seed", type=whole_number(0, MAX_SEED), default=0, help="of weights and batches (0)")
    parser.add_argument(
        "--precision", choices=("fp32", "bf16"), default="fp32", help="bf16: faster, where the processor has it (fp32)"
    )
    parser.add_argument("-f", "--force", action="store_true", help="replace an existing output")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train or resume, write the weights and say what they reach."""
    out = check_file(options.target, what="a weights file", force=options.force)
    for folder in (options.data, options.streams):
        if folder is not None and not folder.is_dir():
            raise ConfigError(f"{folder} is no folder")
    weights = find_weights(options.weights)
    from bcdcodec.motion.commands import run_motion_training

    with progress_bars(shown=False if options.quiet else None) as progress:
        found = run_motion_training(
            options.preset,
            weights,
            out,
            data=options.data,
            streams=options.streams,
            run=options.folder,
            steps=options.steps,
            seed=options.seed,
            precision=options.precision,
            progress=progress,
        )
    if found is not None and not options.quiet:
        print(
            f"{out}: {out.stat().st_size} bytes, {found.model_bits:.1f} bits/frame on people held out, "
            f"{found.previous_bits:.1f} by the frame before, {found.order0_bits:.1f} by counts alone"
        )
    return 0
