"""`bcd train`, `bcd train-vae`, `bcd export`, `bcd train-context`. In: options. Out: runs and weights files.

Training is imported inside the commands: nothing in it is needed to encode or decode.
"""

import argparse
from pathlib import Path

from bcdcodec.cli.options import MAX_SEED, Commands, add_device_option, new_command, whole_number
from bcdcodec.cli.progress import progress_bar, progress_bars
from bcdcodec.cli.streams import check_file
from bcdcodec.config import PRESET_NAMES
from bcdcodec.errors import ConfigError
from bcdcodec.weightfile import open_weights

MAX_TRAINING_STEPS = 100_000_000
MAX_EXCERPTS, MAX_WORKERS = 10_000_000, 1024

TRAIN_EXAMPLES = """  bcd train-vae --data clips --steps 20000 vae.safetensors
  bcd train --preset face --data clips --vae vae.safetensors --run runs/face --steps 50000
  bcd train --init face-v4.safetensors --data clips --run runs/more --steps 5000
  bcd export --run runs/face --vae vae.safetensors plain.safetensors
  bcd train-context --weights plain.safetensors --data clips --run runs/face --steps 4000 face.safetensors
The same `bcd train` command resumes a run that was interrupted."""


def add_command(commands: Commands) -> None:
    """The four commands and their options."""
    train = new_command(commands, "train", about="train a model on a folder of clips", examples=TRAIN_EXAMPLES)
    train.add_argument("--preset", choices=PRESET_NAMES, default="face", help="model to build (face)")
    _add_data(train)
    train.add_argument(
        "--vae", type=Path, metavar="VAE.safetensors", help="autoencoder of bcd train-vae, if the preset has one"
    )
    train.add_argument(
        "--run", dest="folder", type=Path, required=True, metavar="RUN", help="folder of the run; resumed if it exists"
    )
    train.add_argument(
        "--init", type=Path, metavar="WEIGHTS.safetensors", help="weights of the same preset to start from"
    )
    train.add_argument(
        "--precision", choices=("fp32", "bf16"), default="fp32", help="bf16: faster, where the processor has it (fp32)"
    )
    train.add_argument(
        "--compile", action="store_true", help="run the transformers through torch.compile; needs a C++ compiler"
    )
    add_device_option(train)
    train.add_argument(
        "--codes",
        choices=("learn", "refit", "keep", "tell"),
        default="learn",
        help="refit: with --init, let motion through uncoded at first, then lay codebooks out anew over its clusters; "
        "keep: with --init, train the denoiser alone; tell: with --init, train the encoder alone, and what says where "
        "a face lies (learn)",
    )
    train.add_argument(
        "--excerpts",
        type=whole_number(1, MAX_EXCERPTS),
        metavar="N",
        help="learn from so many short excerpts of the clips, each with colours, light and proportions of its own",
    )
    train.add_argument(
        "--workers", type=whole_number(1, MAX_WORKERS), default=1, help="processes that read the clips (1)"
    )
    train.add_argument("--dry-run", action="store_true", help="say what would be trained, and stop")
    train.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    train.set_defaults(run=run_train)

    vae = new_command(commands, "train-vae", about="train the image autoencoder", examples=TRAIN_EXAMPLES)
    vae.add_argument("target", metavar="OUT.safetensors", help="file to write")
    _add_data(vae)
    vae.add_argument("-f", "--force", action="store_true", help="replace an existing output")
    vae.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    vae.set_defaults(run=run_train_vae)

    export = new_command(commands, "export", about="turn a finished run into a weights file", examples=TRAIN_EXAMPLES)
    export.add_argument("target", metavar="OUT.safetensors", help="file to write")
    export.add_argument("--run", dest="folder", type=Path, required=True, metavar="RUN", help="folder of the run")
    export.add_argument("--vae", type=Path, metavar="VAE.safetensors", help="autoencoder the run was trained with")
    export.add_argument(
        "--data", type=Path, metavar="DIR", help="folder of clips, where the run learned from excerpts of them"
    )
    export.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    export.add_argument("-f", "--force", action="store_true", help="replace an existing output")
    export.set_defaults(run=run_export_command)

    context = new_command(
        commands, "train-context", about="give a weights file a context model for its codes", examples=TRAIN_EXAMPLES
    )
    context.add_argument("target", metavar="OUT.safetensors", help="file to write: the weights with a context model")
    context.add_argument(
        "--weights", type=Path, required=True, metavar="WEIGHTS.safetensors", help="trained weights, left as they are"
    )
    _add_data(context)
    context.add_argument(
        "--run", dest="folder", type=Path, required=True, metavar="RUN", help="folder that latents are kept in"
    )
    context.add_argument("-f", "--force", action="store_true", help="replace an existing output")
    context.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    context.set_defaults(run=run_train_context)


def run_train(options: argparse.Namespace) -> int:
    """Train or resume; a dry run only says what would be done."""
    check_data(options.data)
    if options.codes != "learn" and options.init is None:
        raise ConfigError(f"--codes {options.codes} needs --init: only weights that were trained have codes")
    from bcdcodec.training.commands import plan_training, run_training

    if options.dry_run:
        plan = plan_training(options.preset, options.data, options.steps, codes=options.codes)
        print(
            f"{plan.preset}: {plan.cost.parameters:,} parameters, {plan.clips} clips, {plan.steps} steps "
            f"({plan.clips_seen:,} clips seen), temporal layers from step {plan.phase_2_from}"
        )
        print(
            f"memory: {plan.cost.kept_bytes / 1e9:.2f} GB of weights, gradients, moments and averages, activations "
            f"beside; TFLOP a step: {plan.cost.first_flops / 1e12:.3f} at first, "
            f"{plan.cost.last_flops / 1e12:.3f} in the end"
        )
        return 0
    with progress_bars(shown=_shown(options)) as progress:
        run_training(
            options.preset,
            options.data,
            vae=options.vae,
            init=options.init,
            run=options.folder,
            steps=options.steps,
            seed=options.seed,
            precision=options.precision,
            compiled=options.compile,
            device=options.device,
            codes=options.codes,
            excerpts=options.excerpts or 0,
            workers=options.workers,
            progress=progress,
        )
    return 0


def run_train_vae(options: argparse.Namespace) -> int:
    """Train the autoencoder alone."""
    out = check_file(options.target, what="a weights file", force=options.force)
    check_data(options.data)
    from bcdcodec.training.commands import run_vae_training

    with progress_bar("steps", unit="", total=options.steps, shown=_shown(options)) as progress:
        run_vae_training(
            options.data,
            out,
            steps=options.steps,
            seed=options.seed,
            progress=lambda step, loss: progress(step, None),
        )
    return 0


def run_export_command(options: argparse.Namespace) -> int:
    """Write the weights file of a run and say its id."""
    out = check_file(options.target, what="a weights file", force=options.force)
    from bcdcodec.training.commands import run_export

    if options.data is not None:
        check_data(options.data)
    with progress_bar("clips", unit="", shown=_shown(options)) as progress:
        statistics = run_export(options.folder, out, vae=options.vae, data=options.data, progress=progress)
    found = open_weights(out)
    print(
        f"{out}: {out.stat().st_size} bytes, model {found.model_id.hex()}, "
        f"codes {statistics.entropy_bits:.1f} bits/frame on the training clips, {statistics.used.mean():.1f} of "
        f"{statistics.counts.shape[1]} entries used, {int((statistics.used == 1).sum())} of {len(statistics.used)} "
        "codebooks say nothing"
    )
    return 0


def run_train_context(options: argparse.Namespace) -> int:
    """Write weights with a context model and say their id."""
    out = check_file(options.target, what="a weights file", force=options.force)
    check_data(options.data)
    from bcdcodec.training.commands import run_context_training

    with progress_bars(shown=_shown(options)) as progress:
        found = run_context_training(
            options.weights,
            options.data,
            out,
            run=options.folder,
            steps=options.steps,
            seed=options.seed,
            progress=progress,
        )
    print(
        f"{out}: {out.stat().st_size} bytes, model {open_weights(out).model_id.hex()}, codes {found.context_bits:.1f} "
        f"bits/frame on the training clips, {found.table_bits:.1f} by the table"
    )
    return 0


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of clips")
    steps = whole_number(1, MAX_TRAINING_STEPS)
    parser.add_argument("--steps", type=steps, required=True, metavar="N", help="updates in all")
    parser.add_argument("--seed", type=whole_number(0, MAX_SEED), default=0, help="of weights and batches (0)")


def _shown(options: argparse.Namespace) -> bool | None:
    return False if options.quiet else None


def check_data(folder: Path) -> None:
    """ConfigError where there is no such folder."""
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder of clips")
