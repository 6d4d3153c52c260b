"""Studies of talking heads of `bcd bench`: rate-distortion, validation, transfer, rate-control."""

import argparse
from pathlib import Path

from bcdcodec.cli.options import Commands, add_model_options, add_sampling_options, new_command, sampling_of, seconds
from bcdcodec.cli.progress import progress_bars
from bcdcodec.cli.study_options import (
    add_clips,
    add_run_options,
    add_sampler_preset,
    add_work_options,
    check_folder,
    report,
)
from bcdcodec.weightfile import DEFAULT_NAME


def add_rate_distortion(studies: Commands) -> None:
    """Add the comparison with other video codecs."""
    parser = new_command(
        studies,
        "rate-distortion",
        about="compare with other video codecs at equal rate",
        examples="""  bcd bench rate-distortion benchmarks/rd_small.toml clips --jobs 2
  bcd bench rate-distortion benchmarks/rd_full.toml clips --out out --jobs 64 --json
What cannot be measured is named, left out, and makes the exit code 2.""",
    )
    parser.add_argument("plan", type=Path, metavar="PLAN.toml", help="codecs, rates, clips and metrics")
    add_clips(parser)
    add_sampler_preset(parser)
    add_model_options(parser, weights=DEFAULT_NAME)
    add_work_options(parser, "rate_distortion")
    add_run_options(parser)
    parser.set_defaults(run=run_rate_distortion)


def run_rate_distortion(options: argparse.Namespace) -> int:
    """Measure what is missing and write the page."""
    check_folder(options.clips)
    from bcdcodec.studies.rate_distortion.study import PAGE, Request, run_study

    request = Request(
        plan=options.plan,
        clips=options.clips,
        out=options.out,
        work=options.work,
        weights=options.weights or DEFAULT_NAME,
        device=options.device,
        preset=options.preset,
        jobs=options.jobs,
    )
    with progress_bars(shown=False if options.quiet else None) as progress:
        numbers = run_study(request, progress=progress)
    return report(options, numbers, page=options.out / PAGE)


def add_transfer(studies: Commands) -> None:
    """Add the cross-identity transfer study."""
    parser = new_command(
        studies,
        "transfer",
        about="transfer motion between people, and compare with both",
        examples="  bcd bench transfer benchmarks/transfer_pairs.csv clips",
    )
    parser.add_argument("pairs", type=Path, metavar="PAIRS.csv", help="names of clips, columns content and motion")
    add_clips(parser)
    parser.add_argument("--seconds", type=seconds, default=2.0, metavar="S", help="length of each clip (2)")
    add_sampler_preset(parser)
    add_model_options(parser, weights=DEFAULT_NAME)
    add_work_options(parser, "transfer")
    add_run_options(parser)
    parser.set_defaults(run=run_transfer)


def run_transfer(options: argparse.Namespace) -> int:
    """Measure what is missing and write the page."""
    check_folder(options.clips)
    from bcdcodec.studies.transfer.study import PAGE, Request, run_study

    request = Request(
        clips=options.clips,
        pairs=options.pairs,
        out=options.out,
        work=options.work,
        weights=options.weights or DEFAULT_NAME,
        device=options.device,
        preset=options.preset,
        seconds=options.seconds,
        jobs=options.jobs,
    )
    with progress_bars(shown=False if options.quiet else None) as progress:
        numbers = run_study(request, progress=progress)
    return report(options, numbers, page=options.out / PAGE)


def add_validation(studies: Commands) -> None:
    """Add the validation study."""
    parser = new_command(
        studies,
        "validation",
        about="compare decoded clips with their sources, frame by frame",
        examples="""  bcd bench validation clips --publish
  bcd bench validation clips --only d0433c4dd2,fad013d3f3 --limit-seconds 2""",
    )
    add_clips(parser)
    parser.add_argument(
        "--only",
        dest="names",
        type=lambda text: tuple(text.split(",")),
        default=(),
        metavar="A,B,C",
        help="only these clips (all of the folder)",
    )
    parser.add_argument("--limit-seconds", type=seconds, metavar="S", help="compare only the first seconds of a clip")
    parser.add_argument(
        "--landmarks",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="measure face landmarks, which needs the extra of that name (landmarks)",
    )
    parser.add_argument(
        "--publish", action="store_true", help="put the sheet beside the page, with permissively licensed clips only"
    )
    add_model_options(parser, weights=DEFAULT_NAME)
    add_sampling_options(parser)
    add_work_options(parser, "validation")
    add_run_options(parser)
    parser.set_defaults(run=run_validation)


def run_validation(options: argparse.Namespace) -> int:
    """Measure what is missing and write the page."""
    check_folder(options.clips)
    from bcdcodec.codec.model import CodecModel
    from bcdcodec.studies.validation.measure import MeasureSettings
    from bcdcodec.studies.validation.study import PAGE, Request, run_study

    model = CodecModel.load(options.weights or DEFAULT_NAME, device=options.device)
    settings = MeasureSettings(
        sampling=sampling_of(options, model.config), limit_s=options.limit_seconds, faces=options.landmarks
    )
    request = Request(
        clips=options.clips,
        names=options.names,
        out=options.out,
        work=options.work,
        publish=options.publish,
        jobs=options.jobs,
    )
    with progress_bars(shown=False if options.quiet else None) as progress:
        numbers = run_study(request, model=model, settings=settings, progress=progress)
    return report(options, numbers, page=options.out / PAGE)


def add_rate_control(studies: Commands) -> None:
    """Add the rate-control study."""
    parser = new_command(
        studies,
        "rate-control",
        about="hold encoded clips against their target bitrates",
        examples="""  bcd bench rate-control clips --jobs 2
  bcd bench rate-control clips --tool-clips calm.mp4 lively.mp4""",
    )
    add_clips(parser)
    parser.add_argument(
        "--tool-clips",
        type=Path,
        nargs="+",
        default=[],
        metavar="CLIP",
        help="also measure the value of each rate-control tool, on clips of 10 s and longer",
    )
    parser.add_argument("--weights", default=DEFAULT_NAME, metavar="NAME|PATH", help=f"weights ({DEFAULT_NAME})")
    add_work_options(parser, "rate_control")
    add_run_options(parser)
    parser.set_defaults(run=run_rate_control)


def run_rate_control(options: argparse.Namespace) -> int:
    """Measure what is missing and write the page."""
    check_folder(options.clips)
    from bcdcodec.studies.rate_control.study import PAGE, Request, run_study

    request = Request(
        clips=options.clips,
        tool_clips=tuple(options.tool_clips),
        out=options.out,
        work=options.work,
        weights=options.weights,
        jobs=options.jobs,
    )
    with progress_bars(shown=False if options.quiet else None) as progress:
        numbers = run_study(request, progress=progress)
    return report(options, numbers, page=options.out / PAGE)


def add_generation(studies: Commands) -> None:
    """Add the study of motion generation and loss concealment."""
    from bcdcodec.studies.generation.options import add_arguments

    parser = new_command(
        studies,
        "generation",
        about="measure motion generation and loss concealment",
        examples="  bcd bench generation clips --learned runs/motion/streams.safetensors",
    )
    add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    parser.set_defaults(run=run_generation)


def run_generation(options: argparse.Namespace) -> int:
    """Measure what is missing and write the page."""
    check_folder(options.clips)
    from bcdcodec.studies.generation.study import PAGE, run

    with progress_bars(shown=False if options.quiet else None) as progress:
        numbers = run(options, progress)
    return report(options, numbers, page=options.out / PAGE)
