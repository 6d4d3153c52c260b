"""`bcd transcode`: lower the bitrate of a `.bcd` stream, without torch."""

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from bcdcodec.cli.options import MAX_GROUPS, Commands, add_output_options, bitrate, new_command, whole_number
from bcdcodec.cli.progress import progress_bar
from bcdcodec.cli.streams import STANDARD, check_target, print_report, source_path

if TYPE_CHECKING:
    from bcdcodec.codec.transcode.summary import StreamSummary
    from bcdcodec.codec.transcode.transcode import TranscodeResult

EXAMPLES = """  bcd transcode talk.bcd low.bcd --bitrate 2k
  bcd transcode talk.bcd coarse.bcd --groups 16
No picture is decoded. What lowers the rate, in this order and no further than needed: codes in the smallest mode and
packets joined to about 5 s, which changes no picture; content left out that is in force already; every second frame
kept; every fourth frame kept. Sound stays as it is. Without --bitrate only the first is done."""


def add_command(commands: Commands) -> None:
    """Add the command and its options."""
    parser = new_command(
        commands, "transcode", run, about="lower the bitrate of a .bcd without decoding", examples=EXAMPLES
    )
    parser.add_argument("source", metavar="IN.bcd", help="stream, or - for standard input")
    parser.add_argument("target", metavar="OUT.bcd", help="file to write, or - for standard output")
    parser.add_argument("--bitrate", type=bitrate, metavar="2k", help="limit of everything but audio (none)")
    parser.add_argument(
        "--groups",
        type=whole_number(1, MAX_GROUPS),
        metavar="N",
        help="codes a frame to keep, a number that the weights allow; fewer: coarser (all)",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    add_output_options(parser)


def run(options: argparse.Namespace) -> int:
    """Transcode one file."""
    target = check_target(options.target, sources=(options.source,), force=options.force)
    with source_path(options.source) as source:
        from bcdcodec.codec.transcode.transcode import transcode

        with progress_bar(options, "transcode", unit="frame") as progress:
            result = transcode(source, target, bitrate=options.bitrate, groups=options.groups, progress=progress)
    if options.json:
        out = sys.stderr if options.target == STANDARD else sys.stdout
        print(json.dumps(_describe(result), indent=1), file=out)
    else:
        print_report(options, _report(result))
    return 0


def _describe(result: "TranscodeResult") -> dict[str, Any]:
    """The result as plain values, for JSON."""
    sides = {"before": result.before, "after": result.after}
    return {"reduction": result.reduction.name.lower()} | {name: _describe_side(side) for name, side in sides.items()}


def _report(result: "TranscodeResult") -> str:
    """Sizes, rates and codes before and after, in a few lines."""
    old, new = _describe_side(result.before), _describe_side(result.after)
    return "\n".join(
        [
            f"{new['bytes']} bytes of {old['bytes']}, {new['duration_s']:.2f} s, {result.reduction.value}",
            f"  rate    {_number(new['kbps'], 2)} kbps without audio, was {_number(old['kbps'], 2)}",
            f"  motion  {new['mode']}, {_number(new['bits_per_frame'], 1)} bits/frame at {new['fps']:.4g} fps, was "
            f"{old['mode']}, {_number(old['bits_per_frame'], 1)} at {old['fps']:.4g}",
        ]
    )


def _describe_side(side: "StreamSummary") -> dict[str, Any]:
    stats, header = side.stats, side.header
    return {
        "bytes": stats.total_bits // 8,
        "video_bits": side.video_bits,
        "audio_bits": side.audio_bits,
        "kbps": side.video_bits / side.duration_s / 1000 if side.duration_s else None,
        "duration_s": side.duration_s,
        "fps": float(header.video.frame_rate),
        "frames": stats.motion_frames,
        "mode": header.coding.mode.name.lower(),
        "bits_per_frame": stats.motion_bits / stats.motion_frames if stats.motion_frames else None,
        "packets": stats.packet_count,
        "content_packets": stats.content_packets,
    }


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
