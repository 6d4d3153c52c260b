"""Studies of the method's parts of `bcd bench`: sprites, ablations, autoencoder."""

import argparse
import dataclasses
import json
from pathlib import Path

from bcdcodec.cli.options import (
    MAX_SEED,
    Commands,
    add_device_option,
    add_model_options,
    add_sampling_options,
    new_command,
    sampling_of,
    whole_number,
)
from bcdcodec.cli.progress import progress_bars
from bcdcodec.cli.study_options import add_clips, add_run_options, add_work_options, check_folder, report
from bcdcodec.config import PRESET_NAMES
from bcdcodec.weightfile import DEFAULT_NAME

MAX_PAIRS, MAX_UPDATES = 100_000, 100_000_000
#: Weights of the sprites study when none are named.
SPRITES_WEIGHTS = "sprites-tiny"
#: Metrics of the autoencoder study.
STILL_METRICS = "psnr,ssim,lpips-alex,dists"


def add_sprites(studies: Commands) -> None:
    """Add the sprites study."""
    parser = new_command(
        studies,
        "sprites",
        about="score a model of sprites, whose truth is known",
        examples="""  bcd bench sprites sprites
  bcd bench sprites sprites --weights tiny.safetensors --out scores""",
    )
    parser.add_argument("data", type=Path, metavar="DIR", help="the Sprites data set: DIR/train and DIR/test")
    parser.add_argument("--judge", type=Path, metavar="JUDGE.safetensors", help="another judge than the package's")
    parser.add_argument("--pairs", type=whole_number(1, MAX_PAIRS), metavar="N", help="pairs of clips (all)")
    parser.add_argument("--seed", type=whole_number(0, MAX_SEED), default=0, help="seed of pairs and noise (0)")
    add_sampling_options(parser)
    add_model_options(parser, weights=SPRITES_WEIGHTS)
    add_run_options(parser)
    parser.set_defaults(run=run_sprites)


def run_sprites(options: argparse.Namespace) -> int:
    """Measure and write the page."""
    from bcdcodec.codec.model import CodecModel
    from bcdcodec.studies.sprites.study import PAGE, run_study

    model = CodecModel.load(options.weights or SPRITES_WEIGHTS, device=options.device)
    with progress_bars(shown=False if options.quiet else None) as progress:
        scores = run_study(
            options.data,
            options.out,
            model=model,
            sampling=sampling_of(options, model.config),
            judge=options.judge,
            limit=options.pairs,
            seed=options.seed,
            progress=progress,
        )
    return report(options, dataclasses.asdict(scores), page=options.out / PAGE)


def add_ablations(studies: Commands) -> None:
    """Add the ablation study."""
    parser = new_command(
        studies,
        "ablations",
        about="train a preset without each part of the method, and compare",
        examples="""  bcd bench ablations sprites/train sprites/test --updates 1200 --precision bf16
  bcd bench ablations lrs3/train lrs3/test --model lrs3 --updates 300000 --device cuda
Six runs: the preset, three other bitrates, no rate loss, not cross-driven. Where the clips are sprites, transfers are
compared with the true clips.""",
    )
    parser.add_argument("data", type=Path, metavar="TRAIN", help="folder of clips to train on")
    parser.add_argument("test", type=Path, metavar="TEST", help="folder of clips of other people, to measure on")
    parser.add_argument("--model", choices=PRESET_NAMES, default="sprites-tiny", help="model to train (sprites-tiny)")
    parser.add_argument(
        "--updates", type=whole_number(1, MAX_UPDATES), default=700, metavar="N", help="updates of each run (700)"
    )
    parser.add_argument(
        "--pairs",
        type=whole_number(1, MAX_PAIRS),
        default=128,
        metavar="N",
        help="transfers between sprites to compare with the truth (128)",
    )
    parser.add_argument("--vae", type=Path, metavar="VAE.safetensors", help="autoencoder, if the preset has one")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="of training (fp32)")
    parser.add_argument("--seed", type=whole_number(0, MAX_SEED), default=0, help="of weights and batches (0)")
    add_device_option(parser)
    add_work_options(parser, "ablations", jobs=False)
    add_run_options(parser)
    parser.set_defaults(run=run_ablations)


def run_ablations(options: argparse.Namespace) -> int:
    """Train and measure what is missing and write the page."""
    for folder in (options.data, options.test):
        check_folder(folder)
    from bcdcodec.studies.ablations.study import PAGE, run_study

    with progress_bars(shown=False if options.quiet else None) as progress:
        ablations = run_study(
            options.model,
            options.data,
            options.test,
            out=options.out,
            work=options.work,
            updates=options.updates,
            pairs=options.pairs,
            vae=options.vae,
            seed=options.seed,
            precision=options.precision,
            device=options.device,
            progress=progress,
        )
    return report(options, dataclasses.asdict(ablations), page=options.out / PAGE)


def add_autoencoder(studies: Commands) -> None:
    """Add the autoencoder study."""
    parser = new_command(
        studies,
        "autoencoder",
        about="measure an image autoencoder on stills",
        examples="  bcd bench autoencoder clips --weights vae.safetensors",
    )
    add_clips(parser)
    parser.add_argument(
        "--weights", default=DEFAULT_NAME, metavar="NAME|PATH", help=f"of an autoencoder or a model ({DEFAULT_NAME})"
    )
    parser.add_argument(
        "--metrics", default=STILL_METRICS, metavar="A,B,C", help=f"metrics of frames ({STILL_METRICS})"
    )
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")
    parser.set_defaults(run=run_autoencoder)


def run_autoencoder(options: argparse.Namespace) -> int:
    """Measure and print the means."""
    check_folder(options.clips)
    from bcdcodec.evaluation.metrics.table import METRICS
    from bcdcodec.studies.autoencoder import run_study

    metrics = options.metrics.split(",")
    means = run_study(options.clips, weights=options.weights, metrics=metrics)
    if options.json:
        print(json.dumps(means))
    else:
        text = ", ".join(f"{name} {means[name]:.3f} {METRICS[name].unit}".strip() for name in metrics)
        print(f"{means['stills']} stills: {text}")
    return 0
