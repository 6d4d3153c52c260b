"""Studies of the method's parts of `bcd bench`: sprites, ablations, autoencoder."""

import argparse
import json
from functools import partial
from pathlib import Path

from bcdcodec.cli.options import (
    Commands,
    add_device_option,
    add_model_options,
    add_precision_option,
    add_sampling_options,
    add_updates_options,
    add_vae_option,
    call_with,
    new_command,
    sampling_of,
    seed,
    weights_file,
    whole_number,
)
from bcdcodec.cli.streams import check_clips
from bcdcodec.cli.study_options import add_clips, add_study_options, report
from bcdcodec.config import PRESET_NAMES
from bcdcodec.weightfile import DEFAULT_NAME

#: The argparse type of numbers of pairs of clips.
pair_count = whole_number(1, 100_000)
#: Weights of the sprites study when none are named.
SPRITES_WEIGHTS = "sprites-tiny"
#: Metrics of the autoencoder study.
STILL_METRICS = "psnr,ssim,lpips-alex,dists"


def add_sprites(studies: Commands) -> None:
    """Add the sprites study."""
    parser = new_command(
        studies,
        "sprites",
        run_sprites,
        about="score a model of sprites, whose truth is known",
        examples="""  bcd bench sprites sprites
  bcd bench sprites sprites --weights tiny.safetensors --out scores""",
    )
    parser.add_argument("data", type=Path, metavar="DIR", help="the Sprites data set: DIR/train and DIR/test")
    parser.add_argument("--judge", type=Path, metavar="JUDGE.safetensors", help="another judge than the package's")
    parser.add_argument("--pairs", type=pair_count, metavar="N", help="pairs of clips (all)")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of pairs and noise (0)")
    add_sampling_options(parser)
    add_model_options(parser, weights=SPRITES_WEIGHTS)
    add_study_options(parser, None, jobs=False)


def run_sprites(options: argparse.Namespace) -> int:
    """Measure and write the page."""
    from bcdcodec.codec.model import CodecModel
    from bcdcodec.studies.sprites.study import PAGE, run_study

    model = CodecModel.load(options.weights, device=options.device)
    sampling = sampling_of(options, model.config)
    run = partial(call_with, run_study, options, model=model, sampling=sampling, limit=options.pairs)
    return report(options, PAGE, run)


def add_ablations(studies: Commands) -> None:
    """Add the ablation study."""
    parser = new_command(
        studies,
        "ablations",
        run_ablations,
        about="train a preset without each part of the method, and compare",
        examples="""  bcd bench ablations sprites/train sprites/test --updates 1200 --precision bf16
  bcd bench ablations clips people --model face-bcd --init face-bcd --updates 120 --pairs 8 --seeds 3
Seven runs: the preset, four other bitrates, no rate loss, not cross-driven. Transfers of sprites are compared with the
true clips, those of faces with both people.""",
    )
    parser.add_argument("data", type=Path, metavar="TRAIN", help="folder of clips to train on")
    parser.add_argument("test", type=Path, metavar="TEST", help="folder of clips of other people, to measure on")
    parser.add_argument("--model", choices=PRESET_NAMES, default="sprites-tiny", help="model to train (sprites-tiny)")
    add_updates_options(parser, default=700, about="updates of each run")
    parser.add_argument(
        "--pairs",
        type=pair_count,
        default=128,
        metavar="N",
        help="transfers between clips to compare (128)",
    )
    parser.add_argument("--seeds", type=whole_number(1, 99), default=1, metavar="N", help="runs of each variant (1)")
    add_vae_option(parser)
    parser.add_argument(
        "--init", type=weights_file, metavar="NAME|PATH", help="weights of the preset that every run refines (none)"
    )
    parser.add_argument(
        "--inception",
        type=Path,
        metavar="PATH",
        help="weights of FID's network: FID in the place of the distance by a packaged one",
    )
    add_precision_option(parser)
    add_device_option(parser)
    add_study_options(parser, "ablations", jobs=False)


def run_ablations(options: argparse.Namespace) -> int:
    """Train and measure what is missing and write the page."""
    for folder in (options.data, options.test):
        check_clips(folder)
    from bcdcodec.studies.ablations.study import page_name, run_study

    return report(options, page_name(options.test), partial(call_with, run_study, options, name=options.model))


def add_autoencoder(studies: Commands) -> None:
    """Add the autoencoder study."""
    parser = new_command(
        studies,
        "autoencoder",
        run_autoencoder,
        about="measure an image autoencoder on stills",
        examples="""  bcd bench autoencoder clips --weights vae.safetensors
  bcd bench autoencoder clips --metrics psnr --json""",
    )
    add_clips(parser)
    parser.add_argument(
        "--weights", default=DEFAULT_NAME, metavar="NAME|PATH", help=f"of an autoencoder or a model ({DEFAULT_NAME})"
    )
    parser.add_argument(
        "--metrics", default=STILL_METRICS, metavar="A,B,C", help=f"metrics of frames ({STILL_METRICS})"
    )
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")


def run_autoencoder(options: argparse.Namespace) -> int:
    """Measure and print the means."""
    check_clips(options.clips)
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
