"""`bcd data sprites`, `train judge`, and sprites through `bcd encode` and `decode`."""

import json
from pathlib import Path

import pytest
import torch

from bcdcodec.cli.main import main
from bcdcodec.sprites import dataset
from bcdcodec.sprites.dataset import read_labels
from bcdcodec.sprites.judge import load_judge


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_data(
    sheets_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    split = dataset.split()
    monkeypatch.setattr(dataset, "split", lambda: {part: found[:1] for part, found in split.items()})
    assert run("data", "sprites", sheets_folder, tmp_path / "data") == 0
    assert "9 train clips, 9 test clips" in capsys.readouterr().out
    assert len(read_labels(tmp_path / "data/train")) == 9
    assert run("data", "sprites", sheets_folder, tmp_path / "data") == 2
    assert "--force" in capsys.readouterr().err
    assert run("data", "sprites", tmp_path / "nothing", tmp_path / "other") == 2
    assert "github.com/YingzhenLi/Sprites" in capsys.readouterr().err


def test_judge(sprites_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    target = tmp_path / "judge.safetensors"
    assert run("train", "judge", sprites_folder, target, "--updates", 1, "--json", "-q") == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told) == ["action", "skin", "pants", "top", "hair"] and all(0 <= value <= 1 for value in told.values())
    load_judge(target)
    assert run("train", "judge", sprites_folder, target, "--updates", 1) == 2


def test_sprites_go_through_the_same_commands(
    sprites_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.set_num_threads(1)
    row = read_labels(sprites_folder / "test")[2]
    stream, video = tmp_path / "sprite.bcd", tmp_path / "sprite.mp4"
    weights = ("--weights", "sprites-tiny", "--device", "cpu")
    assert run("encode", sprites_folder / "test" / row.clip, stream, "--mode", "packed", *weights) == 0
    # 8 codes of 6 bits, and the two bytes that every motion packet begins with.
    assert f"motion  {(8 * 6 + 16) / 8:.1f} bits/frame at 25 fps, 8 frames" in capsys.readouterr().out
    assert run("info", stream, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told
    assert run("decode", stream, video, "--device", "cpu", "-q") == 0
    assert video.stat().st_size > 0
    assert run("verify", stream) == 0
