"""`bcd transfer`: the looks of one video with the motion of another. In: options. Out: a media file."""

import argparse
import sys

from bcdcodec.cli.options import (
    MAX_SEED,
    Commands,
    add_model_options,
    add_output_options,
    add_sampling_options,
    new_command,
    sampling_of,
    whole_number,
)
from bcdcodec.cli.progress import progress_bar
from bcdcodec.cli.streams import STANDARD, check_target
from bcdcodec.errors import ConfigError
from bcdcodec.weightfile import DEFAULT_NAME

EXAMPLES = """  bcd transfer --content alice.mp4 --motion bob.mp4 out.mp4
  bcd transfer --content alice.mp4 --motion bob.mp4 out.mp4 --no-crop --preset realtime"""


def add_command(commands: Commands) -> None:
    """The command and its options."""
    parser = new_command(
        commands, "transfer", about="give the content of one video the motion of another", examples=EXAMPLES
    )
    parser.add_argument("--content", required=True, metavar="A", help="picture, video or .bcd that shows the person")
    parser.add_argument("--motion", required=True, metavar="B", help="video or .bcd that gives motion and sound")
    parser.add_argument("target", metavar="OUT.mp4", help="mp4, mkv or webm, or - for standard output")
    add_sampling_options(parser)
    parser.add_argument("--seed", type=whole_number(0, MAX_SEED), help="of the noise (the stream's, or 0)")
    parser.add_argument(
        "--crop",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="follow the faces, or take the largest centred squares (what the model is for)",
    )
    add_model_options(parser, weights=DEFAULT_NAME)
    add_output_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Transfer one motion."""
    if STANDARD in (options.content, options.motion):
        raise ConfigError("content and motion are read from files, - is not possible")
    target = check_target(options.target, sources=(options.content, options.motion), force=options.force)
    from bcdcodec.codec.decode.settings import DecodeSettings
    from bcdcodec.codec.model import CodecModel
    from bcdcodec.codec.transfer import transfer_files

    model = CodecModel.load(options.weights or DEFAULT_NAME, device=options.device)
    with progress_bar("transfer", unit="frame", shown=False if options.quiet else options.progress) as progress:
        result = transfer_files(
            options.content,
            options.motion,
            target,
            model=model,
            settings=DecodeSettings(sampling=sampling_of(options, model.config), seed=options.seed),
            crop=options.crop,
            progress=progress,
        )
    if not options.quiet:
        name = "<stdout>" if options.target == STANDARD else options.target
        print(f"{name}: {result.frames} frames", file=sys.stderr if options.target == STANDARD else sys.stdout)
    return 0
