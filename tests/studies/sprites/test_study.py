"""`bcd bench sprites`: the files of a run."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bcdcodec.sprites.judge import Judge, save_judge


def test_files_of_a_run(bcd: Callable[..., Any], sprites_folder: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    save_judge(tmp_path / "judge.safetensors", Judge(), accuracies={})
    line = ("bench", "sprites", sprites_folder, "--out", tmp_path / "out", "--pairs", 2, "--preset", "fast")
    done = bcd(*line, "--device", "cpu", "--judge", tmp_path / "judge.safetensors", "--json")
    assert done.code == 0
    printed = json.loads(done.out)
    assert printed["clips"] == 2 and printed["model"] == "sprites-tiny"
    assert json.loads((tmp_path / "out/sprites/scores.json").read_text()) == printed
    assert sorted(path.name for path in (tmp_path / "out/sprites").iterdir()) == [
        *("codes.png", "scores.json", "transfer.png"),
    ]
    assert "| `sprites-tiny`, 2 pairs |" in (tmp_path / "out/sprites.md").read_text()
    assert bcd(*line, "--device", "cpu", "-q").out == ""  # with the package's judge
