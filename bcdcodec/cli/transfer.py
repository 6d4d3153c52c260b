"""`bcd transfer`: decode the motion of one video with the content of another."""

import argparse

from bcdcodec.cli.options import Commands, add_crop_option, add_decoding_options, new_command, sampling_of, seed
from bcdcodec.cli.progress import progress_bar
from bcdcodec.cli.streams import STANDARD, check_target, print_report
from bcdcodec.errors import ConfigError
from bcdcodec.weightfile import DEFAULT_NAME

EXAMPLES = """  bcd transfer --content alice.mp4 --motion bob.mp4 out.mp4
  bcd transfer --content alice.mp4 --motion bob.mp4 out.mp4 --no-crop --relative"""


def add_command(commands: Commands) -> None:
    """Add the command and its options."""
    parser = new_command(
        commands, "transfer", run, about="give the content of one video the motion of another", examples=EXAMPLES
    )
    parser.add_argument("--content", required=True, metavar="A", help="picture, video or .bcd that shows the person")
    parser.add_argument("--motion", required=True, metavar="B", help="video or .bcd that gives motion and audio")
    parser.add_argument("target", metavar="OUT.mp4", help="mp4, mkv or webm, or - for standard output")
    parser.add_argument(
        "--relative",
        action="store_true",
        help="move the face from where it is, not to the place and pose of the other",
    )
    parser.add_argument("--seed", type=seed, metavar="N", help="of the noise (the stream's, or 0)")
    add_crop_option(parser, about="follow the faces, or take the largest centred squares (the model's)")
    add_decoding_options(parser, weights=DEFAULT_NAME)


def run(options: argparse.Namespace) -> int:
    """Transfer one motion."""
    if STANDARD in (options.content, options.motion):
        raise ConfigError("content and motion are read from files, - is not possible")
    target = check_target(options.target, sources=(options.content, options.motion), force=options.force)
    from bcdcodec.codec.decode.settings import DecodeSettings
    from bcdcodec.codec.model import CodecModel
    from bcdcodec.codec.transfer import transfer_files

    model = CodecModel.load(options.weights, device=options.device)
    with progress_bar(options, "transfer", unit="frame") as progress:
        result = transfer_files(
            options.content,
            options.motion,
            target,
            model=model,
            settings=DecodeSettings(
                sampling=sampling_of(options, model.config), seed=options.seed, relative=options.relative
            ),
            crop=options.crop,
            progress=progress,
        )
    print_report(options, f"{result.frames} frames")
    return 0
