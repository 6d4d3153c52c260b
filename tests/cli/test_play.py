"""`bcd play`: with a player of the machine, and as a page."""

import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bcdcodec.cli.main import SIGNALED

Bcd = Callable[..., Any]


def test_a_player_gets_the_decoded_video(
    bcd: Bcd, stream_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = tmp_path / "mpv"
    player.write_text(f'#!/bin/sh\nfor last; do :; done\nhead -c 12 "$last" > "{tmp_path}/seen"\nexit 3\n')
    player.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("DISPLAY", ":0")
    done = bcd("play", stream_file)
    assert done.code == 3 and "25 frames at 12.5 fps" in done.out
    assert (tmp_path / "seen").read_bytes()[4:8] == b"ftyp"


def test_an_unknown_player_is_refused(bcd: Bcd, stream_file: Path) -> None:
    done = bcd("play", stream_file, "--player", "no-such-player")
    assert done.code == 2 and "--player browser needs none" in done.err


def test_a_page_shows_the_video_until_it_is_interrupted(stream_file: Path) -> None:
    line = [sys.executable, "-m", "bcdcodec", "play", str(stream_file), "--player", "browser", "--no-open", "-q"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline().split()[0]
            page = urllib.request.urlopen(address, timeout=30).read().decode()
            assert '<video src="video.mp4"' in page and stream_file.name in page
            assert urllib.request.urlopen(f"{address}video.mp4", timeout=30).read()[4:8] == b"ftyp"
            process.terminate()  # SIGINT is ignored below shells that run tests in the background
            assert process.wait(60) == SIGNALED + signal.SIGTERM
        finally:
            process.kill()
