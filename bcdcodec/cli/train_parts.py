"""`bcd train vae`, `context` and `export`: the other steps from clips to a weights file of the codec."""

import argparse
from pathlib import Path

from bcdcodec.cli.options import (
    Commands,
    add_cache_option,
    add_data_option,
    add_run_option,
    add_updates_options,
    add_vae_option,
    add_write_options,
    new_command,
    weights_file,
)
from bcdcodec.cli.progress import progress_bar, progress_bars
from bcdcodec.cli.streams import check_clips, check_file, print_next, weights_name
from bcdcodec.cli.train_codec import EXAMPLES
from bcdcodec.weightfile import open_weights

EXPORT_EXAMPLES = """  bcd train export --run runs/face --vae vae.safetensors plain.safetensors
  bcd train export --run runs/face --vae face --eight-bits small.safetensors"""


def add_command(commands: Commands) -> None:
    """Add the three commands and their options."""
    vae = new_command(commands, "vae", run_vae, about="train the image autoencoder", examples=EXAMPLES)
    vae.add_argument("target", metavar="OUT.safetensors", help="file to write")
    add_data_option(vae)
    add_updates_options(vae)
    add_write_options(vae)

    context = new_command(
        commands, "context", run_context, about="add a context model for codes to weights", examples=EXAMPLES
    )
    context.add_argument("target", metavar="OUT.safetensors", help="file to write: the weights with a context model")
    context.add_argument(
        "--weights", type=weights_file, required=True, metavar="NAME|PATH", help="trained weights, left as they are"
    )
    add_data_option(context)
    add_updates_options(context)
    add_run_option(context, about="folder that latents are kept in")
    add_write_options(context)

    export = new_command(
        commands, "export", run_export, about="turn a finished run into a weights file", examples=EXPORT_EXAMPLES
    )
    export.add_argument("target", metavar="OUT.safetensors", help="file to write")
    add_run_option(export, about="folder of the run")
    add_vae_option(export)
    export.add_argument(
        "--data", type=Path, metavar="DIR", help="folder of clips, where the run was trained on excerpts of them"
    )
    add_cache_option(export)
    export.add_argument("--last", action="store_true", help="the last weights, not the best on held-out people")
    export.add_argument("--eight-bits", action="store_true", help="matrices in 8 bits instead of 16: half the size")
    add_write_options(export)


def run_vae(options: argparse.Namespace) -> int:
    """Train the autoencoder alone."""
    out = check_file(options.target, what="a weights file", force=options.force)
    check_clips(options.data)
    from bcdcodec.training.commands import run_vae_training

    with progress_bar(options, "updates", total=options.updates) as progress:
        run_vae_training(
            options.data,
            out,
            updates=options.updates,
            seed=options.seed,
            progress=lambda done, loss: progress(done, None),
        )
    run = ("--data", options.data, "--vae", weights_name(out), "--run", "runs/face", "--updates", 50000)
    print_next(options, "bcd", "train", "codec", *run)
    return 0


def run_context(options: argparse.Namespace) -> int:
    """Write weights with a context model and print their id."""
    out = check_file(options.target, what="a weights file", force=options.force)
    check_clips(options.data)
    from bcdcodec.training.commands import run_context_training

    with progress_bars(options) as progress:
        statistics = run_context_training(
            options.weights,
            options.data,
            out,
            run=options.folder,
            updates=options.updates,
            seed=options.seed,
            progress=progress,
        )
    print(
        f"{out}: {out.stat().st_size} bytes, model {open_weights(out).model_id.hex()}, "
        f"codes {statistics.context_bits:.1f} bits/frame on the training clips, "
        f"{statistics.table_bits:.1f} by the table"
    )
    if open_weights(out).config.denoiser.landmarks:
        pairs = ("--data", options.data, "--excerpts", 2600, "--weights", weights_name(out), "pairs")
        print_next(options, "bcd", "data", "pairs", *pairs)
    else:
        print_next(options, "bcd", "encode", "talk.mp4", "--weights", weights_name(out))
    return 0


def run_export(options: argparse.Namespace) -> int:
    """Write the weights file of a run and print its id."""
    out = check_file(options.target, what="a weights file", force=options.force)
    from bcdcodec.training import commands

    for folder in (options.data, options.cache):
        if folder is not None:
            check_clips(folder)
    with progress_bar(options, "clips") as progress:
        summary = commands.run_export(
            options.folder,
            out,
            vae=options.vae,
            data=options.data,
            cache=options.cache,
            last=options.last,
            eight_bits=options.eight_bits,
            progress=progress,
        )
    statistics = summary.statistics
    print(
        f"{out}: {out.stat().st_size} bytes, model {open_weights(out).model_id.hex()}, "
        f"codes {statistics.entropy_bits:.1f} bits/frame on the training clips, {statistics.used.mean():.1f} of "
        f"{statistics.counts.shape[1]} entries used, dead codebooks: {int((statistics.used == 1).sum())} of "
        f"{len(statistics.used)}; {summary.checkpoint}, update {summary.update}"
    )
    data = options.data or "clips"
    context = ("--weights", weights_name(out), "--data", data, "--run", options.folder, "--updates", 4000)
    print_next(options, "bcd", "train", "context", *context, out.with_stem(f"{out.stem}-context"))
    return 0
