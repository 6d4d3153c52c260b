"""`bcd play`: decode a stream and show it, in a player of this machine or in the browser."""

import argparse
import contextlib
import html
import os
import shutil
import subprocess
import tempfile
import webbrowser
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bcdcodec.cli import decode
from bcdcodec.cli.options import Commands, add_decoding_options, new_command, whole_number
from bcdcodec.errors import ConfigError

#: Players that are taken where they are installed, with the options that end them with the video.
PLAYERS = {"mpv": ["--keep-open=no"], "ffplay": ["-autoexit", "-loglevel", "error"], "vlc": ["--play-and-exit"]}
BROWSER, MAX_PORT = "browser", 65_535
VIDEO, PAGE = "video.mp4", "index.html"
EXAMPLES = """  bcd play talk.bcd
  bcd play talk.bcd --player browser --port 8000
Without a player on this machine, a page on 127.0.0.1 shows the video until Ctrl-C."""


def add_command(commands: Commands) -> None:
    """Add the command and its options."""
    parser = new_command(commands, "play", run, about="decode a .bcd and show it", examples=EXAMPLES)
    parser.add_argument("source", metavar="IN.bcd", help="stream, or - for standard input")
    parser.add_argument(
        "--player", metavar="NAME", help=f"program, or {BROWSER} (the first there is of {', '.join(PLAYERS)})"
    )
    parser.add_argument(
        "--port", type=whole_number(0, MAX_PORT), default=0, metavar="N", help="of the page; 0: any free one (0)"
    )
    parser.add_argument("--no-open", action="store_true", help="print the page's address without opening a browser")
    add_decoding_options(parser, weights=None)
    parser.set_defaults(seed=None, batch_segments=1, frame_rate=None, conceal="none", paste_back=False)
    parser.set_defaults(salvage=True, runtime=None)


def run(options: argparse.Namespace) -> int:
    """Decode to a temporary file, and show it until its end or an interrupt."""
    player = _player(options.player)
    with tempfile.TemporaryDirectory(prefix="bcd-") as folder:
        options.target = str(Path(folder, VIDEO))
        report = decode.decode_task(options)
        if not options.quiet:
            print(f"{options.source}: {report}", flush=True)
        if player is not None:
            return subprocess.run([player, *PLAYERS.get(Path(player).stem, []), options.target], check=False).returncode
        _serve(Path(folder), options)
    return 0


def _player(named: str | None) -> str | None:
    """Path of the program; None for the browser. ConfigError for one that is not installed."""
    if named == BROWSER:
        return None
    if named is not None:
        path = shutil.which(named)
        if path is None:
            raise ConfigError(f"no player named {named} on this machine; --player {BROWSER} needs none")
        return path
    has_screen = os.name == "nt" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return next((path for name in PLAYERS if (path := shutil.which(name))), None) if has_screen else None


def _serve(folder: Path, options: argparse.Namespace) -> None:
    title = Path(options.source).name
    (folder / PAGE).write_text(
        f'<!doctype html><meta charset="utf-8"><title>{html.escape(title)}</title>'
        '<body style="margin:0;background:#111;display:grid;place-items:center;height:100vh">'
        f'<video src="{VIDEO}" style="max-height:96vh;max-width:96vw;height:96vh" controls autoplay loop></video>',
        encoding="utf-8",
    )
    with ThreadingHTTPServer(("127.0.0.1", options.port), partial(_Handler, directory=str(folder))) as server:
        address = f"http://127.0.0.1:{server.server_port}/"
        print(f"{address}  (Ctrl-C ends)", flush=True)
        if not options.no_open:
            webbrowser.open(address)
        with contextlib.suppress(KeyboardInterrupt):  # which is how it ends
            server.serve_forever()


class _Handler(SimpleHTTPRequestHandler):
    """Files of one folder, without a log."""

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""
