"""`bcd call`: a call from file to file in one process, and its refusals."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from bcdcodec.cli.main import main
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
    words = [str(talking_clip) if word == "CLIP" else word for word in words]
    assert main(["call", *words, "--weights", str(tiny_weights), "--device", "cpu"]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
