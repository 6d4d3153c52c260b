"""`bcd info`: contents and bit statistics of a `.bcd` stream as a table, JSON or a plot, without torch."""

import argparse
import json
from pathlib import Path

from bcdcodec.cli.options import Commands, bitrate, new_command, seconds
from bcdcodec.cli.report.describe import describe
from bcdcodec.cli.report.summary import StreamFacts, file_label, summarize
from bcdcodec.cli.report.table import table
from bcdcodec.cli.streams import check_file
from bcdcodec.errors import BitstreamError, ConfigError
from bcdcodec.ratecontrol.timeline import Timeline

EXAMPLES = """  bcd info talk.bcd --packets --bits
  bcd info talk.bcd --plot rate.png --bitrate 4k --bucket 2
  bcd info talk.bcd --json | jq .kbps.total
A damaged stream is described up to the damage; the exit code is then 2."""
BUCKET_S = 1.0


def add_command(commands: Commands) -> None:
    """Add the command and its options."""
    parser = new_command(
        commands, "info", run, about="show what a .bcd holds and where every bit went", examples=EXAMPLES
    )
    parser.add_argument("file", metavar="FILE", help="stream, or - for standard input")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--packets", action="store_true", help="list the packets too")
    parser.add_argument("--bits", action="store_true", help="list what every packet and every codebook takes")
    parser.add_argument(
        "--tolerate-loss",
        action="store_true",
        help="go on after missing and damaged packets, and say which frames were in them",
    )
    parser.add_argument(
        "--plot", metavar="OUT.png", help="draw the rate over time and the fill of a leaky bucket; needs matplotlib"
    )
    parser.add_argument(
        "--bucket", type=seconds, metavar="SECONDS", help=f"size of the bucket of --plot ({BUCKET_S:g})"
    )
    parser.add_argument(
        "--bitrate", type=bitrate, metavar="4k", help="target drawn by --plot, and drain of the bucket (the mean rate)"
    )
    parser.add_argument("-f", "--force", action="store_true", help="replace an existing OUT.png")


def run(options: argparse.Namespace) -> int:
    """Describe one stream; raises its damage after what is known has been printed and drawn."""
    plot = _plot_target(options)
    keep_packets = options.packets or options.bits or plot is not None
    summary = summarize(
        options.file, keep_packets=keep_packets, count_groups=options.bits, tolerate_loss=options.tolerate_loss
    )
    if options.json:
        print(json.dumps(describe(summary, packets=options.packets, bits=options.bits), indent=1))
    else:
        print(table(summary, packets=options.packets, bits=options.bits))
    if plot is not None and summary.stream is not None and (summary.damage is None or summary.stream.duration_s):
        _draw(plot, summary.stream, options)
    if summary.damage is not None:
        raise BitstreamError(f"{file_label(options.file)}: {summary.damage}")
    return 0


def _plot_target(options: argparse.Namespace) -> Path | None:
    """File to draw to, None for none; ConfigError for options that would have no effect."""
    if options.plot is None:
        for name in ("bucket", "bitrate"):
            if getattr(options, name) is not None:
                raise ConfigError(f"--{name} is for --plot, which is not given")
        return None
    path = check_file(options.plot, what="a plot", force=options.force)
    if path.suffix.lower() != ".png":
        raise ConfigError(f"plots are written as .png, {path.name} is another kind")
    return path


def _draw(path: Path, stream: StreamFacts, options: argparse.Namespace) -> None:
    from bcdcodec.evaluation.report.rate_plot import rate_plot

    timeline = Timeline.of_packets(stream.stats.packets, stream.frame_rate)
    bucket_s = options.bucket or BUCKET_S
    rate_plot(path, timeline, bitrate=options.bitrate, bucket_s=bucket_s, title=file_label(options.file))
