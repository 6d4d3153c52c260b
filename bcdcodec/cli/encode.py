"""`bcd encode`: video -> .bcd. In: options. Out: a file and a short report, for codec/files.encode_file."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bcdcodec.bitstream.header import pack_metadata
from bcdcodec.bitstream.records import CodingMode
from bcdcodec.cli.options import (
    MAX_GROUPS,
    MAX_SEED,
    Commands,
    add_model_options,
    add_output_options,
    bitrate,
    bitrate_or_none,
    frame_rate,
    key_value,
    new_command,
    seconds_or_none,
    whole_number,
)
from bcdcodec.cli.progress import progress_bar
from bcdcodec.cli.streams import STANDARD, check_target, source_path
from bcdcodec.weightfile import DEFAULT_NAME

if TYPE_CHECKING:
    from bcdcodec.codec.encode.file import EncodeResult

AUTO = "auto"
MAX_EFFORT = 100
EXAMPLES = """  bcd encode talk.mp4 talk.bcd
  bcd encode talk.mp4 talk.bcd --bitrate 2k --no-audio
  bcd encode talk.mp4 talk.bcd --mode packed --meta title="A talk" --background
  bcd encode - - < talk.mp4 > talk.bcd"""


def add_command(commands: Commands) -> None:
    """The command and its options."""
    parser = new_command(commands, "encode", about="compress a video to .bcd", examples=EXAMPLES)
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
    parser.add_argument("--fps", type=frame_rate, metavar="N|N/D", help="frame rate (the model's)")
    parser.add_argument(
        "--bitrate", type=bitrate_or_none, default=4000, metavar="4k|none", help="of everything but the sound (4k)"
    )
    parser.add_argument(
        "--bucket",
        type=seconds_or_none,
        default=1.0,
        metavar="SECONDS|none",
        help="how many seconds' worth of the bitrate may be sent at once (1)",
    )
    sound = parser.add_mutually_exclusive_group()
    sound.add_argument("--audio-bitrate", type=bitrate, default=6000, metavar="6k", help="Opus bitrate (6k)")
    sound.add_argument("--no-audio", dest="audio_bitrate", action="store_const", const=None, help="leave the sound out")
    parser.add_argument(
        "--crop",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="follow the face, or code the largest centred square (what the model is for)",
    )
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
    parser.add_argument("--seed", type=whole_number(0, MAX_SEED), default=0, help="of the decoder's noise (0)")
    add_model_options(parser, weights=DEFAULT_NAME)
    add_output_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Encode one file."""
    target = check_target(options.target, sources=(options.source,), force=options.force)
    metadata = dict(options.meta)
    pack_metadata(metadata)  # too long for the stream: say so before the work
    with source_path(options.source) as source:
        from bcdcodec.codec.encode.file import encode_file
        from bcdcodec.codec.encode.settings import EncodeSettings
        from bcdcodec.codec.model import CodecModel

        model = CodecModel.load(options.weights or DEFAULT_NAME, device=options.device)
        settings = EncodeSettings(
            mode=None if options.mode == AUTO else CodingMode[options.mode.upper()],
            bitrate=options.bitrate,
            bucket_s=options.bucket,
            frame_rate=options.fps,
            effort=options.effort,
            groups=options.groups,
            seed=options.seed,
            metadata=metadata,
        )
        with progress_bar("encode", unit="frame", shown=False if options.quiet else options.progress) as progress:
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
    if not options.quiet:
        print(report(target, result), file=sys.stderr if options.target == STANDARD else sys.stdout)
    return 0


def report(target: object, result: "EncodeResult") -> str:
    """Size, rates and shots in a few lines."""
    stats, seconds = result.stats, result.duration_s
    name = target if isinstance(target, Path) else "<stdout>"
    frames, shots = stats.motion_frames, len(result.shots)
    held = f" and {result.skipped_frames} held" if result.skipped_frames else ""
    return "\n".join(
        [
            f"{name}: {stats.total_bits // 8} bytes, {seconds:.2f} s, {shots} shot{'s' * (shots != 1)}",
            f"  rate    {stats.total_bits / seconds / 1000:.2f} kbps; "
            f"without sound {(stats.total_bits - stats.audio_bits) / seconds / 1000:.2f} kbps",
            f"  motion  {stats.motion_bits / frames:.1f} bits/frame at {frames / seconds:.4g} fps, "
            f"{frames} frames{held}",
        ]
    )
