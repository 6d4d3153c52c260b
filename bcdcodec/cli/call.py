"""`bcd call`: a live call over UDP, and both of its ends in one process."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from bcdcodec.cli.batch import loaded_model
from bcdcodec.cli.options import (
    Commands,
    add_model_options,
    add_quiet_option,
    add_sampling_options,
    add_write_options,
    bitrate,
    bitrate_or_none,
    call_with,
    new_command,
    new_group,
    sampling_of,
    seconds,
    seed,
    whole_number,
)
from bcdcodec.cli.streams import check_target
from bcdcodec.weightfile import DEFAULT_NAME, find_weights

if TYPE_CHECKING:
    from bcdcodec.codec.model import CodecModel

MAX_PORT, MAX_PACKET_FRAMES = 65_535, 4
CONCEAL = ("hold", "model")
SOURCE = "video to send, or camera, camera:1 or the device of one"
SEND = """  bcd call send talk.mp4 192.0.2.7:5004
  bcd call send camera 192.0.2.7:5004 --audio-bitrate none
  bcd call send talk.mp4 192.0.2.7:5004 --key call.key --bitrate 6k"""
RECV = """  bcd call recv 5004 shown.mp4
  bcd call recv 5004 --virtual-camera --key call.key"""
LOOPBACK = """  bcd call loopback talk.mp4 shown.mp4 --impair loss=20%,burst=4,jitter=60ms
  bcd call loopback talk.mp4 shown.mp4 --impair rate=8k,delay=50ms --json
  bcd call loopback camera --preset fast"""
SERVE = """  bcd call serve talk.mp4
  bcd call serve --port 8040 --preset fast
Without a file the page asks for the browser's camera. Ctrl-C ends it."""


def add_command(commands: Commands) -> None:
    """Add the command and those below it."""
    group = new_group(commands, "call", about="hold a live call over UDP, or try one out")
    send = new_command(group, "send", run_send, about="send a video or a camera as a call", examples=SEND)
    send.add_argument("source", metavar="FILE|camera", help=SOURCE)
    send.add_argument("address", metavar="HOST:PORT", help="where the receiver listens")
    _add_sender_options(send)
    add_model_options(send, weights=DEFAULT_NAME)
    _add_common_options(send)
    add_quiet_option(send)
    recv = new_command(group, "recv", run_recv, about="receive one call", examples=RECV)
    recv.add_argument("port", type=whole_number(1, MAX_PORT), metavar="PORT", help="UDP port to listen at")
    recv.add_argument("target", nargs="?", metavar="OUT.mp4", help="what was shown; without it a window shows it")
    recv.add_argument(
        "--silence", type=seconds, default=10.0, metavar="S", help="end after so many seconds without a datagram (10)"
    )
    _add_receiver_options(recv)
    loopback = new_command(group, "loopback", run_loopback, about="both ends in one process", examples=LOOPBACK)
    loopback.add_argument("source", metavar="FILE|camera", help=SOURCE)
    loopback.add_argument("target", nargs="?", metavar="OUT.mp4", help="what was shown; without it a window shows it")
    loopback.add_argument(
        "--impair",
        default="loss=0%",
        metavar="TEXT",
        help="network: loss=20%%,burst=4,delay=50ms,jitter=60ms,reorder=2%%,duplicate=1%%,rate=8k (loss=0%%)",
    )
    loopback.add_argument("--seed", type=seed, default=0, metavar="N", help="of the network (0)")
    loopback.add_argument("--paced", action="store_true", help="no faster than real time")
    _add_sender_options(loopback)
    _add_receiver_options(loopback)
    serve = new_command(group, "serve", run_serve, about="both ends as a page with graphs and controls", examples=SERVE)
    serve.add_argument("source", nargs="?", metavar="FILE", help="video to send, again and again")
    serve.add_argument("--host", default="127.0.0.1", metavar="HOST", help="address to listen at (127.0.0.1)")
    serve.add_argument(
        "--port", type=whole_number(0, MAX_PORT), default=0, metavar="N", help="of the page; 0: any free one (0)"
    )
    _add_sender_options(serve)
    _add_decoder_options(serve)
    add_quiet_option(serve)


def run_send(options: argparse.Namespace) -> int:
    """Send one video to its end."""
    from bcdcodec.call import commands

    _print_summary(options, call_with(commands.send_file, options, model=_model(options), report=_reporter(options)))
    return 0


def run_recv(options: argparse.Namespace) -> int:
    """Receive one call to its end."""
    from bcdcodec.call import commands

    target = _target(options, sources=())
    _print_summary(options, call_with(commands.receive_file, options, target=target, **_receiving(options)))
    return 0


def run_loopback(options: argparse.Namespace) -> int:
    """Run both ends of a call."""
    from bcdcodec.call import commands

    target = _target(options, sources=(options.source,))
    _print_summary(options, call_with(commands.loop_file, options, target=target, **_receiving(options)))
    return 0


def run_serve(options: argparse.Namespace) -> int:
    """Serve the page until an interrupt."""
    from bcdcodec.call.serve import commands

    def announce(address: str) -> None:
        print(f"{address}  (Ctrl-C ends)", flush=True)

    model = _model(options)
    call_with(commands.serve, options, model=model, sampling=sampling_of(options, model.config), announce=announce)
    return 0


def _target(options: argparse.Namespace, *, sources: tuple[str, ...]) -> Path | BinaryIO | None:
    return None if options.target is None else check_target(options.target, sources=sources, force=options.force)


def _add_sender_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bitrate", type=bitrate, default=4000, metavar="BPS", help="most bits/s of video (4k)")
    parser.add_argument(
        "--packet-frames",
        type=whole_number(1, MAX_PACKET_FRAMES),
        default=2,
        metavar="N",
        help="frames a packet, 1 to 4: fewer wait less and cost more (2)",
    )
    parser.add_argument(
        "--audio-bitrate", type=bitrate_or_none, default=6000, metavar="BPS|none", help="bits/s of sound (6k)"
    )


def _add_decoder_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--conceal", choices=CONCEAL, default="hold", help="lost frames: hold, or predict (hold)")
    add_sampling_options(parser)
    add_model_options(parser, weights=DEFAULT_NAME)


def _add_receiver_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--virtual-camera", action="store_true", help="what is shown, as a camera for other programs (extra camera)"
    )
    _add_decoder_options(parser)
    _add_common_options(parser)
    add_write_options(parser)


def _add_common_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help="32 bytes, or 64 hexadecimal digits, that seal one call (not sealed)"
    )
    parser.add_argument("--json", action="store_true", help="print the numbers at the end as JSON")


def _model(options: argparse.Namespace) -> "CodecModel":
    return loaded_model(find_weights(options.weights).path, options.device)


def _receiving(options: argparse.Namespace) -> dict[str, Any]:
    model = _model(options)
    return {"model": model, "sampling": sampling_of(options, model.config), "report": _reporter(options)}


def _reporter(options: argparse.Namespace) -> Callable[[str], None]:
    def report(line: str) -> None:
        if not options.quiet:
            print(line, file=sys.stderr, flush=True)

    return report


def _print_summary(options: argparse.Namespace, summary: dict[str, Any]) -> None:
    if options.json:
        print(json.dumps(summary, indent=2))
    elif not options.quiet:
        for name, value in summary.items():
            shown = ", ".join(f"{key} {part}" for key, part in value.items()) if isinstance(value, dict) else value
            print(f"{name}: {shown:.4g}" if isinstance(shown, float) else f"{name}: {shown}")
