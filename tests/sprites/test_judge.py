"""The judge learns made-up characters, and survives its file."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bcdcodec.errors import WeightsError
from bcdcodec.sprites.clips import ClipSet
from bcdcodec.sprites.judge import LABELS, Judge, accuracies, load_judge, save_judge, train_judge


def test_it_has_the_layers_of_the_literature() -> None:
    judge = Judge()
    found = judge(torch.zeros(2, 8, 3, 64, 64))
    assert {name: tuple(logits.shape) for name, logits in found.items()} == {k: (2, v) for k, v in LABELS.items()}
    assert round(sum(p.numel() for p in judge.frame.parameters()) / 1e6, 2) == 3.81


def test_it_learns_and_survives_its_file(sprites_folder: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    clips = ClipSet(sprites_folder / "train")
    few = np.array([0, 12, 24])  # one clip of each character

    def draw(step: int) -> tuple[np.ndarray, np.ndarray]:
        return clips.clips(few), clips.labels[few]

    losses: list[float] = []
    judge = train_judge(draw, steps=8, progress=lambda step, loss: losses.append(loss))
    assert losses[-1] < 0.5 * losses[0]
    save_judge(tmp_path / "judge.safetensors", judge, accuracies={"action": 1.0})
    found = load_judge(tmp_path / "judge.safetensors").probabilities(clips.clips(few))
    for name, values in judge.probabilities(clips.clips(few)).items():
        assert np.abs(found[name] - values).max() < 0.02
        assert values.sum(1) == pytest.approx(np.ones(3), abs=1e-5)


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "no.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    with pytest.raises(WeightsError, match="no judge"):
        load_judge(tmp_path / "no.safetensors")
    with pytest.raises(WeightsError, match="no judge"):
        load_judge(tmp_path / "missing.safetensors")


def test_accuracies() -> None:
    probabilities = {name: np.array([[0.6, 0.4], [0.1, 0.9], [0.8, 0.2]], np.float32) for name in LABELS}
    labels = np.repeat([[0], [1], [1]], len(LABELS), axis=1)
    assert accuracies(probabilities, labels) == dict.fromkeys(LABELS, 2 / 3)
