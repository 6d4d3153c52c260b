"""`bcd data pairs` and `bcd train denoiser`: the denoiser of pictures, on warps of the codec's references."""

import argparse
from pathlib import Path

from bcdcodec.cli.options import (
    Commands,
    add_data_option,
    add_device_option,
    add_quiet_option,
    add_run_option,
    add_workers_option,
    add_write_options,
    call_with,
    finite_number,
    new_command,
    seed,
    whole_number,
)
from bcdcodec.cli.progress import progress_bar
from bcdcodec.cli.streams import check_clips, check_file, print_next, weights_name
from bcdcodec.weightfile import DEFAULT_NAME, find_weights, open_weights

MAX_EXCERPTS, MAX_MINUTES, MAX_BATCH = 1_000_000, 100_000, 1024

EXAMPLES = """  bcd data pairs --data clips --excerpts 3600 --workers 2 pairs
  bcd data pairs --data other-people --excerpts 48 other-pairs
  bcd train denoiser --pairs pairs --run runs/denoiser --budget-minutes 90 --score other-pairs face.safetensors
The same commands resume where they were interrupted."""


def add_pairs_command(commands: Commands) -> None:
    """Add `bcd data pairs`."""
    parser = new_command(
        commands, "pairs", run_pairs, about="make training pairs of the denoiser out of clips", examples=EXAMPLES
    )
    parser.add_argument("target", type=Path, metavar="DIR", help="folder to write: parts of about 50 MB")
    add_data_option(parser)
    parser.add_argument("--excerpts", type=whole_number(1, MAX_EXCERPTS), required=True, metavar="N", help="in all")
    parser.add_argument("--weights", default="face", metavar="NAME|PATH", help="weights that warp (face)")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of the choice of clips and frames (0)")
    add_workers_option(parser, about="processes (1)")
    add_quiet_option(parser)


def add_command(commands: Commands) -> None:
    """Add `bcd train denoiser`."""
    parser = new_command(
        commands, "denoiser", run, about="train the denoiser of pictures for some minutes", examples=EXAMPLES
    )
    parser.add_argument("target", metavar="OUT.safetensors", help="file to write: the weights with this denoiser")
    parser.add_argument("--pairs", type=Path, required=True, metavar="DIR", help="folder of bcd data pairs")
    add_run_option(parser)
    parser.add_argument(
        "--budget-minutes",
        type=whole_number(1, MAX_MINUTES),
        required=True,
        metavar="N",
        help="minutes of training over all calls, which the learning rate follows",
    )
    parser.add_argument(
        "--updates",
        type=whole_number(0, MAX_EXCERPTS),
        default=0,
        metavar="N",
        help="stop after so many, to rehearse; 0: never (0)",
    )
    parser.add_argument(
        "--batch", type=whole_number(1, MAX_BATCH), default=2, metavar="N", help="excerpts of an update (2)"
    )
    parser.add_argument("--learning-rate", type=finite_number, default=1e-3, metavar="X", help="at its highest (1e-3)")
    parser.add_argument(
        "--adversarial",
        type=finite_number,
        default=0.0,
        metavar="X",
        help="strength of a discriminator's gradient beside the loss's; 0: none (0)",
    )
    parser.add_argument("--weights", default="face", metavar="NAME|PATH", help="weights that get the denoiser (face)")
    parser.add_argument("--score", type=Path, metavar="DIR", help="pairs of other people, to score the result on")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of weights and batches (0)")
    add_device_option(parser)
    add_write_options(parser)


def run_pairs(options: argparse.Namespace) -> int:
    """Make the parts that the folder lacks."""
    check_clips(options.data)
    from bcdcodec.denoiser.packing import pack_pairs

    with progress_bar(options, "excerpts") as progress:
        call_with(
            pack_pairs,
            options,
            clips=options.data,
            folder=options.target,
            weights=find_weights(options.weights).path,
            progress=progress,
        )
    run = ("--run", "runs/denoiser", "--budget-minutes", 90)
    weights = () if options.weights == DEFAULT_NAME else ("--weights", options.weights)
    print_next(options, "bcd", "train", "denoiser", "--pairs", options.target, *run, *weights, "weights.safetensors")
    return 0


def run(options: argparse.Namespace) -> int:
    """Train to the end of the budget, write the weights, and print their scores."""
    out = check_file(options.target, what="a weights file", force=options.force)
    from bcdcodec.denoiser.commands import run_denoiser_training
    from bcdcodec.denoiser.training import DenoiserOptions

    with progress_bar(options, "minutes", total=options.budget_minutes) as progress:
        scores, errors = run_denoiser_training(
            call_with(DenoiserOptions, options, run=options.folder),
            out,
            weights=find_weights(options.weights),
            scored=options.score,
            progress=lambda minutes, total: progress(int(minutes), None),
        )
    print(f"{out}: {out.stat().st_size} bytes, model {open_weights(out).model_id.hex()}")
    for name, score in scores.items():
        print(
            f"{name:8} PSNR {score.psnr:.2f} dB, LPIPS {score.lpips:.4f}, DISTS {score.dists:.4f}, "
            f"changes {score.flicker:.2f} of the true ones"
        )
    if errors:
        print("from noise: " + ", ".join(f"{name} {error:.4f}" for name, error in errors.items()))
    print_next(options, "bcd", "bench", "validation", "CLIPS", "--quick", "--weights", weights_name(out))
    return 0
