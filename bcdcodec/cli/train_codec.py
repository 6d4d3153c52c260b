"""`bcd train codec`: train or resume a codec model on a folder of clips."""

import argparse
from pathlib import Path

from bcdcodec.cli.options import (
    MAX_UPDATES,
    Commands,
    add_cache_option,
    add_data_option,
    add_device_option,
    add_precision_option,
    add_quiet_option,
    add_run_option,
    add_updates_options,
    add_vae_option,
    add_workers_option,
    call_with,
    folder_or_none,
    new_command,
    weights_file,
    whole_number,
)
from bcdcodec.cli.progress import progress_bars
from bcdcodec.cli.streams import check_clips, print_next
from bcdcodec.config import PRESET_NAMES
from bcdcodec.errors import ConfigError

MAX_EXCERPTS, MAX_BATCH = 10_000_000, 65_536

EXAMPLES = """  bcd train vae --data clips --updates 20000 vae.safetensors
  bcd train codec --model face --data clips --vae vae.safetensors --run runs/face --updates 50000
  bcd train codec --init face --data clips --run runs/more --updates 5000
  bcd train export --run runs/face --vae vae.safetensors plain.safetensors
  bcd train context --weights plain.safetensors --data clips --run runs/face --updates 4000 face.safetensors
The same `bcd train codec` command resumes a run that was interrupted."""


def add_command(commands: Commands) -> None:
    """Add the command and its options."""
    parser = new_command(commands, "codec", run, about="train a codec model on a folder of clips", examples=EXAMPLES)
    parser.add_argument("--model", choices=PRESET_NAMES, default="face", help="model preset to build (face)")
    add_data_option(parser, required=False)
    add_cache_option(parser)
    add_updates_options(parser)
    add_vae_option(parser)
    add_run_option(parser)
    parser.add_argument(
        "--init", type=weights_file, metavar="NAME|PATH", help="weights of the same preset to start from"
    )
    add_precision_option(parser)
    parser.add_argument(
        "--compile",
        dest="compiled",
        action="store_true",
        help="run the transformers through torch.compile; needs a C++ compiler",
    )
    add_device_option(parser)
    parser.add_argument(
        "--train",
        choices=("all", "denoiser", "encoder", "warper"),
        default="all",
        help="with --init, this part alone, the others fixed (all)",
    )
    parser.add_argument(
        "--reinit-codebooks",
        action="store_true",
        help="with --init, unquantised motion first, then new codebooks by k-means",
    )
    parser.add_argument(
        "--excerpts",
        type=whole_number(0, MAX_EXCERPTS),
        default=0,
        metavar="N",
        help="augmented short excerpts to train on; 0: the clips as they are (0)",
    )
    add_workers_option(parser, about="processes that read the clips (1)")
    parser.add_argument(
        "--batch", type=whole_number(1, MAX_BATCH), metavar="N", help="clips computed at once (the preset's)"
    )
    parser.add_argument(
        "--accumulate", type=whole_number(1, MAX_BATCH), default=1, metavar="N", help="batches of an update (1)"
    )
    parser.add_argument(
        "--save-every", type=whole_number(1, MAX_UPDATES), default=250, metavar="N", help="updates a checkpoint (250)"
    )
    parser.add_argument(
        "--held-out",
        type=folder_or_none,
        metavar="DIR|none",
        help="clips of people to measure the error on (a few of --data, of 50 people or more)",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the size of the run and stop")
    add_quiet_option(parser)


def run(options: argparse.Namespace) -> int:
    """Train or resume; a dry run only prints what would be done."""
    for folder in (options.data, options.cache):
        if folder is not None:
            check_clips(folder)
    if isinstance(options.held_out, Path):
        check_clips(options.held_out)
    if options.init is None and (options.train != "all" or options.reinit_codebooks):
        asked = "--reinit-codebooks" if options.reinit_codebooks else f"--train {options.train}"
        raise ConfigError(f"{asked} needs --init: only trained weights have codes")
    from bcdcodec.training.commands import plan_training, run_training
    from bcdcodec.training.options import CodecTrainOptions

    train_options = call_with(CodecTrainOptions, options, run=options.folder)
    if options.dry_run:
        plan = plan_training(train_options)
        print(
            f"{plan.model}: {plan.cost.parameters:,} parameters, {plan.clips} clips, {plan.updates} updates "
            f"({plan.clips_seen:,} clips seen), temporal layers from update {plan.temporal_from}"
        )
        print(
            f"memory: {plan.cost.kept_bytes / 1e9:.2f} GB of weights, gradients, moments and averages, plus "
            f"activations; TFLOP an update: {plan.cost.first_flops / 1e12:.3f} at first, "
            f"{plan.cost.last_flops / 1e12:.3f} in the end"
        )
        return 0
    with progress_bars(options) as progress:
        first = run_training(train_options, progress)
    if not first:
        return 0
    # Codes are counted on clips without augmentation; the autoencoder is that of the run.
    data = ("--data", options.data) if options.excerpts else ()
    if options.cache is not None:
        data = ("--cache", options.cache)
    vae = options.vae or options.init
    autoencoder = () if vae is None else ("--vae", vae)
    print_next(options, "bcd", "train", "export", "--run", options.folder, *autoencoder, *data, "weights.safetensors")
    return 0
