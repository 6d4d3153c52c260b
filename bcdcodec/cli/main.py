"""The `bcd` command, with exit codes 0 (done), 2 (refused or damaged), 130 (interrupted), 143 and 129 (terminated,
hung up) and 141 (whoever read the output has left).

Each command has a file of its own with `add_command` and `run`; torch is imported inside those that need it.
"""

import argparse
import contextlib
import io
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from types import FrameType

import shtab

from bcdcodec import __version__
from bcdcodec.cli import (
    bench,
    call,
    compare,
    data,
    decode,
    encode,
    export,
    generate,
    info,
    personalize,
    play,
    still,
    train,
    transcode,
    transfer,
    verify,
)
from bcdcodec.cli.help import CommandHelp
from bcdcodec.errors import BcdError

DONE, REFUSED, INTERRUPTED, PIPE_CLOSED = 0, 2, 130, 141
#: What shells add to the number of the signal that ended a process.
SIGNALED = 128
#: The highest descriptor of a standard stream.
LAST_STANDARD = 2

#: Commands as help lists them.
GROUPS = {
    "use:": (encode, decode, play, call, transcode, transfer, generate, export),
    "look:": (compare, still, info, verify),
    "train:": (data, train, personalize),
    "measure:": (bench,),
}
EXAMPLES = """examples:
  bcd encode talk.mp4 talk.bcd              compress to about 4 kbps
  bcd decode talk.bcd talk.mp4              decode it to a video
  bcd info talk.bcd                         where every bit went
`bcd COMMAND --help` lists the options of each."""


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands and options."""
    parser = argparse.ArgumentParser(
        prog="bcd",
        description="Talking-head video codec: a content token, a few kbps of motion codes, a diffusion decoder.",
        formatter_class=_GroupedHelp,
    )
    parser.add_argument("--version", action="version", version=f"bcdcodec {__version__}")
    shtab.add_argument_to(parser, "--print-completion", help="print a shell's completion, for it to read")
    commands = parser.add_subparsers(prog="bcd", metavar="COMMAND", required=True)
    groups = list[str]()
    for group, modules in GROUPS.items():
        lines = [group]
        for module in modules:
            module.add_command(commands)
            name, command = [*commands.choices.items()][-1]
            lines.append(f"  {name:12} {(command.description or '').rstrip('.')}")
        groups.append("\n".join(lines))
    parser.epilog = "\n\n".join([*groups, EXAMPLES])
    return parser


class _GroupedHelp(CommandHelp):
    """Help without argparse's own list of commands, which has no groups."""

    def _format_action(self, action: argparse.Action) -> str:
        return "" if isinstance(action, argparse._SubParsersAction) else super()._format_action(action)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse a command line. Files may stand anywhere among the options; wrong usage shows that of its own command."""
    parser = build_parser()
    options, others = parser.parse_known_args(argv)
    if others and hasattr(options, "paths") and all(other == "-" or not other.startswith("-") for other in others):
        options.paths += others
    elif others:
        options.parser.error(f"unrecognized arguments: {' '.join(others)}")
    return options


class Terminated(BaseException):
    """A signal that ends the process: raised, so that what is half-written is removed as after Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Wrong usage raises SystemExit(2), as argparse does."""
    with _usable_streams():
        return _run(parse(argv))


def _run(options: argparse.Namespace) -> int:
    with _warnings_to_stderr(quiet=getattr(options, "quiet", False)), _raised_signals():
        try:
            code: int = options.run(options)
            sys.stdout.flush()
        except KeyboardInterrupt:
            return INTERRUPTED
        except Terminated as signaled:
            return SIGNALED + signaled.number
        except BrokenPipeError:
            # Whoever read our output has left; without this the interpreter complains again when it exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return PIPE_CLOSED
        except (BcdError, OSError) as error:  # OSError: a full disk, a folder without permission
            print(f"bcd: error: {' '.join(str(error).split())}", file=sys.stderr)
            return REFUSED
    return code


@contextlib.contextmanager
def _usable_streams() -> Iterator[None]:
    """Standard streams that exist and print any name: closed ones lead nowhere, characters without a code are escaped.

    Closed descriptors are taken, lest a file that is written gets the number that libraries print to.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= LAST_STANDARD:
        pass
    os.close(descriptor)
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    printed = [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, io.TextIOWrapper)]
    before = [stream.errors for stream in printed]
    for stream in printed:
        stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        for stream, errors in zip(printed, before, strict=True):
            stream.reconfigure(errors=errors)


@contextlib.contextmanager
def _raised_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP raise Terminated within the block, in the main thread, which alone may set handlers.

    Where they do something else already it stays: `nohup` ignores SIGHUP, callers have handlers of their own.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(number: int, _: FrameType | None) -> None:
        raise Terminated(number)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]  # Windows has one
    taken = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, terminate)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def _warnings_to_stderr(*, quiet: bool) -> Iterator[None]:
    """The package's log on stderr while a command runs."""
    logger = logging.getLogger("bcdcodec")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("bcd: %(message)s"))
    handler.setLevel(logging.ERROR if quiet else logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
