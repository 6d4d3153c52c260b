"""`bcd call`: a call from file to file in one process, and its refusals."""

import contextlib
import json
import signal
from fractions import Fraction
from pathlib import Path

import pytest

from bcdcodec.call.playback import Playback
from bcdcodec.call.recorder import Recorder
from bcdcodec.cli.main import main
from bcdcodec.video.capture import CaptureDevice
from bcdcodec.video.reader import VideoReader


def test_a_loopback_writes_what_was_shown_and_its_numbers(
    tiny_weights: Path, talking_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "shown.mp4"
    options = ["--weights", str(tiny_weights), "--device", "cpu", "--steps", "0", "--bitrate", "20k", "--json"]
    command = ["call", "loopback", str(talking_clip), str(target), "--impair", "loss=10%,delay=20ms", *options]
    command += ["--wire-bitrate", "20k"]
    assert main(command) == 0
    printed = capsys.readouterr()
    numbers = json.loads(printed.out)
    assert sum(numbers["frames"].values()) >= 20
    assert numbers["bits"]["motion"] / 1000 / numbers["duration_s"] < numbers["wire_kbps"] < 30
    assert numbers["lip_sync_ms"]["p95"] <= 40
    assert "loss" in printed.err.splitlines()[0]
    with VideoReader(target, Fraction(25)) as reader:
        assert reader.has_audio
    assert main(command) == 2
    assert "exists; -f replaces it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["send", "CLIP", "nowhere"], "address is 'nowhere', needs HOST:PORT"),
        (["loopback", "CLIP", "out.mp4", "--impair", "lost=2%"], "impairment is 'lost=2%'"),
        (["send", "CLIP", "127.0.0.1:9", "--impair", "burst=x"], "burst is 'x'"),
        (["send", "CLIP", "127.0.0.1:9", "--wire-bitrate", "3k"], "wire bitrate is 3000 bit/s, needs at least"),
        (["loopback", "none.mp4", "out.mp4"], "none.mp4: no such file"),
        (["loopback", "CLIP", "out.mp4", "--key", "none.key"], "none.key cannot be read"),
        (["send", "camera:99", "192.0.2.7:5004"], "camera is 'camera:99', allowed are"),
        (["send", "/dev/null", "192.0.2.7:5004", "--audio-bitrate", "none"], "/dev/null cannot be opened"),
        (["serve", "none.mp4"], "none.mp4: no such file"),
        (["serve", "--bitrate", "30k"], "bitrate_kbps is 30.0, allowed are numbers from 2 to 24"),
    ],
)
def test_wrong_values_are_refused(
    words: list[str],
    message: str,
    tiny_weights: Path,
    talking_clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.platform", "linux")
    words = [str(talking_clip) if word == "CLIP" else word for word in words]
    assert main(["call", *words, "--weights", str(tiny_weights), "--device", "cpu"]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pattern in place of the camera, and no microphone."""
    device = CaptureDevice("testsrc=size=160x120:rate=30,realtime", "lavfi")
    monkeypatch.setattr("bcdcodec.call.camera_feed.find_camera", lambda name: device)
    monkeypatch.setattr("bcdcodec.call.camera_feed.find_microphones", lambda: [])


@pytest.mark.usefixtures("pattern")
def test_a_camera_is_recorded_until_an_interrupt(
    tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "shown.mp4"
    write = Recorder.write

    def interrupted(self: Recorder, playback: Playback, rate: Fraction, *, has_sound: bool) -> None:
        write(self, playback, rate, has_sound=has_sound)
        if playback.frames and playback.frames[-1].index == 10:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Recorder, "write", interrupted)
    before = signal.getsignal(signal.SIGINT)
    options = ["--weights", str(tiny_weights), "--device", "cpu", "--steps", "0", "--bitrate", "20k", "--json"]
    assert main(["call", "loopback", "camera", str(target), *options]) == 0
    printed = capsys.readouterr()
    assert "no microphone, the call has no sound" in printed.err
    numbers = json.loads(printed.out)
    assert numbers["frames"]["decoded"] >= 5 and "sound" not in numbers["bits"]
    with VideoReader(target, Fraction(25, 2)) as reader:
        assert len([*reader]) >= 10
    assert signal.getsignal(signal.SIGINT) is before


def test_a_window_shows_a_call_without_a_file_until_it_is_closed(
    tiny_weights: Path, talking_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = list[int]()

    class Window(contextlib.nullcontext["Window"]):
        is_closed = False

        def __init__(self, title: str) -> None:
            super().__init__(self)

        def show(self, playback: Playback) -> None:
            shown.extend(frame.index for frame in playback.frames)
            self.is_closed = len(shown) >= 5

    monkeypatch.setattr("bcdcodec.call.commands.Screen", Window)
    options = ["--weights", str(tiny_weights), "--device", "cpu", "--steps", "0", "--bitrate", "20k", "-q"]
    assert main(["call", "loopback", str(talking_clip), *options]) == 0
    assert shown == [0, 1, 2, 3, 4] or shown == [0, 1, 2, 3, 4, 5]


def test_without_a_display_a_call_needs_another_output(
    tiny_weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tkinter")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert main(["call", "recv", "5004", "--weights", str(tiny_weights), "--device", "cpu"]) == 2
    err = capsys.readouterr().err
    assert "allowed are OUT.mp4, and --virtual-camera" in err and err.count("\n") == 1
