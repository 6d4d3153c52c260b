"""`bcd encode`: compress a video to a `.bcd` stream."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bcdcodec.bitstream.header import pack_metadata
from bcdcodec.bitstream.records import CodingMode
from bcdcodec.cli.options import (
    MAX_GROUPS,
    Commands,
    add_crop_option,
    add_model_options,
    add_output_options,
    bitrate,
    bitrate_or_none,
    call_with,
    frame_rate,
    key_value,
    new_command,
    seconds_or_none,
    seed,
    whole_number,
)
from bcdcodec.cli.progress import progress_bar
from bcdcodec.cli.streams import STANDARD, check_target, print_report, source_path
from bcdcodec.errors import ConfigError
from bcdcodec.ratecontrol.budget import GRACE_S
from bcdcodec.weightfile import DEFAULT_NAME

if TYPE_CHECKING:
    from bcdcodec.codec.encode.file import EncodeResult

AUTO = "auto"
#: Share by which a file may be larger than asked for without a word.
TOLERANCE = 0.01
MAX_EFFORT = 100
#: Names that nobody wants a stream to have.
VIDEO_SUFFIXES = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mpg", ".gif"}
EXAMPLES = """  bcd encode talk.mp4 talk.bcd
  bcd encode talk.mp4 talk.bcd --bitrate 2k --no-audio
  bcd encode talk.mp4 talk.bcd --mode packed --meta title="A talk" --background
  bcd encode - - < talk.mp4 > talk.bcd"""


def add_command(commands: Commands) -> None:
    """Add the command and its options."""
    parser = new_command(commands, "encode", run, about="compress a video to .bcd", examples=EXAMPLES)
    parser.add_argument("source", metavar="IN", help="video file, or - for standard input")
    parser.add_argument("target", metavar="OUT.bcd", help="file to write, or - for standard output")
    modes = [AUTO, *(mode.name.lower() for mode in CodingMode)]
    parser.add_argument(
        "--mode",
        choices=modes,
        default=AUTO,
        help="packed: a constant rate; coded: by a table; context: by the codes before; auto: the smaller of the last "
        "two (auto)",
    )
    parser.add_argument("--fps", dest="frame_rate", type=frame_rate, metavar="N|N/D", help="frame rate (the model's)")
    parser.add_argument(
        "--bitrate", type=bitrate_or_none, default=4000, metavar="4k|none", help="of everything but audio (4k)"
    )
    parser.add_argument(
        "--bucket",
        dest="bucket_s",
        type=seconds_or_none,
        default=1.0,
        metavar="SECONDS|none",
        help="how many seconds' worth of the bitrate may be sent at once (1)",
    )
    audio = parser.add_mutually_exclusive_group()
    audio.add_argument("--audio-bitrate", type=bitrate, default=6000, metavar="6k", help="Opus bitrate (6k)")
    audio.add_argument("--no-audio", dest="audio_bitrate", action="store_const", const=None, help="no audio")
    add_crop_option(parser, about="follow the face, or code the largest centred square (what the model is for)")
    parser.add_argument(
        "--background",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="keep a still of the whole picture for `bcd decode --paste-back` (no-background)",
    )
    parser.add_argument(
        "--effort",
        type=whole_number(0, MAX_EFFORT),
        default=0,
        metavar="N",
        help=f"steps of refining the codes, up to {MAX_EFFORT}: better, and every one as long as encoding without (0)",
    )
    parser.add_argument(
        "--groups",
        type=whole_number(1, MAX_GROUPS),
        metavar="N",
        help="codes a frame: all, or the first half or quarter, coarser for fewer bits (as many as suit the bitrate)",
    )
    parser.add_argument(
        "--meta",
        type=key_value,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="text kept with the file; repeatable",
    )
    parser.add_argument("--seed", type=seed, default=0, help="of the decoder's noise (0)")
    add_model_options(parser, weights=DEFAULT_NAME)
    add_output_options(parser)


def run(options: argparse.Namespace) -> int:
    """Encode one file."""
    target = check_target(options.target, sources=(options.source,), force=options.force)
    if options.target != STANDARD and Path(options.target).suffix.lower() in VIDEO_SUFFIXES:
        raise ConfigError(f"{options.target} is the name of a video, needs one such as OUT.bcd")
    metadata = dict(options.meta)
    pack_metadata(metadata)  # too long for the stream: say so before the work
    with source_path(options.source) as source:
        from bcdcodec.codec.encode.file import encode_file
        from bcdcodec.codec.encode.settings import EncodeSettings
        from bcdcodec.codec.model import CodecModel

        model = CodecModel.load(options.weights, device=options.device)
        mode = None if options.mode == AUTO else CodingMode[options.mode.upper()]
        settings = call_with(EncodeSettings, options, mode=mode, metadata=metadata)
        with progress_bar(options, "encode", unit="frame") as progress:
            result = encode_file(
                source,
                target,
                model=model,
                settings=settings,
                crop=options.crop,
                audio_bitrate=options.audio_bitrate,
                background=options.background,
                progress=progress,
            )
    print_report(options, _report(result, asked=settings.bitrate))
    return 0


def _report(result: "EncodeResult", *, asked: float | None) -> str:
    """Size, rates and shots in a few lines; and why a file is larger than was asked for."""
    stats, seconds = result.stats, result.duration_s
    rate = (stats.total_bits - stats.audio_bits) / seconds
    wanted = "" if asked is None else f", asked for {asked / 1000:.2f}"
    if asked is not None and rate > asked * (1 + TOLERANCE):
        wanted += f" (under {GRACE_S:g} s as much as {GRACE_S:g} s)"
    frames, shots = stats.motion_frames, len(result.shots)
    skipped = f" and {result.skipped_frames} skipped" if result.skipped_frames else ""
    return "\n".join(
        [
            f"{stats.total_bits // 8} bytes, {seconds:.2f} s, {shots} shot{'s' * (shots != 1)}",
            f"  rate    {stats.total_bits / seconds / 1000:.2f} kbps; without audio {rate / 1000:.2f} kbps{wanted}",
            f"  motion  {stats.motion_bits / frames:.1f} bits/frame at {frames / seconds:.4g} fps, "
            f"{frames} frames{skipped}",
        ]
    )
