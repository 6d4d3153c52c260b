"""Studies of talking heads of `bcd bench`: rate-distortion, validation, transfer, rate-control, generation."""

import argparse
from functools import partial
from pathlib import Path

from bcdcodec.cli.options import (
    Commands,
    add_decoder_preset,
    add_model_options,
    add_sampling_options,
    call_with,
    new_command,
    sampling_of,
    seconds,
    whole_number,
)
from bcdcodec.cli.study_options import (
    add_clips,
    add_quick_option,
    add_study_options,
    report,
    run_study,
    split_paths,
    start_study,
)
from bcdcodec.weightfile import DEFAULT_NAME

#: Most clips that the generation study decodes with loss.
MAX_DECODED = 10_000
#: Value of `--judges` of the validation study for none.
NO_JUDGES = "none"


def add_rate_distortion(studies: Commands) -> None:
    """Add the comparison with other video codecs."""
    parser = new_command(
        studies,
        "rate-distortion",
        run_rate_distortion,
        about="compare with other video codecs at equal rate",
        examples="""  bcd bench rate-distortion clips --quick
  bcd bench rate-distortion plan.toml clips --out out --jobs 64 --json
What cannot be measured is named, left out, and makes the exit code 2.""",
    )
    add_clips(parser, before="PLAN.toml", about="codecs, rates, clips and metrics (a plan of 5 codecs)")
    add_quick_option(parser)
    add_decoder_preset(parser)
    add_model_options(parser, weights=DEFAULT_NAME)
    add_study_options(parser, "rate_distortion")


def run_rate_distortion(options: argparse.Namespace) -> int:
    """Measure what is missing and write the page."""
    options.plan, options.clips = split_paths(options)
    start_study(options)
    from bcdcodec.studies.rate_distortion import study

    return run_study(options, study)


def add_transfer(studies: Commands) -> None:
    """Add the cross-identity transfer study."""
    parser = new_command(
        studies,
        "transfer",
        run_transfer,
        about="transfer motion between people, and compare with both",
        examples="""  bcd bench transfer clips --quick
  bcd bench transfer pairs.csv clips""",
    )
    add_clips(
        parser, before="PAIRS.csv", about="names of clips, columns content and motion (each person with the next)"
    )
    add_quick_option(parser)
    parser.add_argument("--seconds", type=seconds, default=2.0, metavar="S", help="length of each clip (2)")
    add_decoder_preset(parser)
    add_model_options(parser, weights=DEFAULT_NAME)
    add_study_options(parser, "transfer")


def run_transfer(options: argparse.Namespace) -> int:
    """Measure what is missing and write the page."""
    options.pairs, options.clips = split_paths(options)
    start_study(options)
    from bcdcodec.studies.transfer import study

    return run_study(options, study)


def add_validation(studies: Commands) -> None:
    """Add the validation study."""
    parser = new_command(
        studies,
        "validation",
        run_validation,
        about="compare decoded clips with their sources, frame by frame",
        examples="""  bcd bench validation clips --quick
  bcd bench validation clips --judges mesh                 # without pip install '.[judge]'""",
    )
    add_clips(parser)
    add_quick_option(parser)
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
        "--judges",
        type=lambda text: () if text == NO_JUDGES else tuple(text.split(",")),
        metavar="A,B",
        help=f"landmark detectors: mesh, dlib; {NO_JUDGES} for pictures alone (both)",
    )
    parser.add_argument(
        "--publish", action="store_true", help="put the sheet beside the page, with permissively licensed clips only"
    )
    add_model_options(parser, weights=DEFAULT_NAME)
    add_sampling_options(parser)
    add_study_options(parser, "validation")


def run_validation(options: argparse.Namespace) -> int:
    """Measure what is missing and write the page."""
    start_study(options)
    from bcdcodec.codec.model import CodecModel
    from bcdcodec.studies.validation import study
    from bcdcodec.studies.validation.measure import MeasureSettings

    model = CodecModel.load(options.weights, device=options.device)
    sampling = sampling_of(options, model.config)
    judges = {} if options.judges is None else {"judges": options.judges}
    settings = MeasureSettings(sampling=sampling, limit_s=options.limit_seconds, **judges)
    run = partial(study.run_study, call_with(study.Request, options), model=model, settings=settings)
    return report(options, study.PAGE, run)


def add_rate_control(studies: Commands) -> None:
    """Add the rate-control study."""
    parser = new_command(
        studies,
        "rate-control",
        run_rate_control,
        about="hold encoded clips against their target bitrates",
        examples="""  bcd bench rate-control clips --quick
  bcd bench rate-control clips --tool-clips calm.mp4 lively.mp4""",
    )
    add_clips(parser)
    add_quick_option(parser)
    parser.add_argument(
        "--tool-clips",
        type=Path,
        nargs="+",
        default=(),
        metavar="CLIP",
        help="also measure the value of each rate-control tool, on clips of 10 s and longer",
    )
    parser.add_argument("--weights", default=DEFAULT_NAME, metavar="NAME|PATH", help=f"weights ({DEFAULT_NAME})")
    add_study_options(parser, "rate_control")


def run_rate_control(options: argparse.Namespace) -> int:
    """Measure what is missing and write the page."""
    start_study(options)
    from bcdcodec.studies.rate_control import study

    return run_study(options, study, tool_clips=tuple(options.tool_clips))


def add_references(studies: Commands) -> None:
    """Add the study of reference pictures."""
    parser = new_command(
        studies,
        "references",
        run_references,
        about="compare one picture a shot with several",
        examples="""  bcd bench references clips --quick
  bcd bench references clips --lively walk,dance --calm news --seconds 5""",
    )
    add_clips(parser)
    add_quick_option(parser)
    for group, kind in (("lively", "that move much"), ("calm", "that move little")):
        parser.add_argument(
            f"--{group}",
            type=lambda text: tuple(text.split(",")),
            default=(),
            metavar="A,B,C",
            help=f"clips of people {kind} (chosen by their motion)",
        )
    parser.add_argument("--seconds", type=seconds, default=10.0, metavar="S", help="length of each clip (10)")
    parser.add_argument("--weights", default=DEFAULT_NAME, metavar="NAME|PATH", help=f"weights ({DEFAULT_NAME})")
    add_study_options(parser, "references")


def run_references(options: argparse.Namespace) -> int:
    """Measure what is missing and write the page."""
    start_study(options)
    from bcdcodec.studies.references import study

    return run_study(options, study)


def add_generation(studies: Commands) -> None:
    """Add the study of motion generation and loss concealment."""
    parser = new_command(
        studies,
        "generation",
        run_generation,
        about="measure motion generation and loss concealment",
        examples="""  bcd bench generation clips --learned runs/motion/streams.safetensors
  bcd bench generation clips --learned runs/motion/streams.safetensors --quick""",
    )
    add_clips(parser)
    add_quick_option(parser)
    parser.add_argument(
        "--learned",
        type=Path,
        required=True,
        metavar="STREAMS.safetensors",
        help="code streams that the motion model learned from, of its run",
    )
    parser.add_argument("--weights", default=DEFAULT_NAME, metavar="NAME|PATH", help=f"weights ({DEFAULT_NAME})")
    parser.add_argument("--motion-weights", type=Path, metavar="PATH", help="motion model (the one for the codec)")
    decoded = whole_number(1, MAX_DECODED)
    parser.add_argument("--decoded", type=decoded, default=4, metavar="N", help="clips to decode with loss (4)")
    add_study_options(parser, "generation", jobs=False)


def run_generation(options: argparse.Namespace) -> int:
    """Measure what is missing and write the page."""
    start_study(options)
    from bcdcodec.studies.generation import study

    return run_study(options, study)
