"""The ablation study on made-up sprites: six short runs, a page, pictures; and once more, which trains nothing."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("matplotlib", reason="curves need matplotlib")
pytest.importorskip("accelerate", reason="training needs accelerate")

from bcdcodec.config import preset
from bcdcodec.errors import ConfigError
from bcdcodec.model.weights import load_networks
from bcdcodec.studies.ablations import scores, study
from bcdcodec.studies.ablations.variants import variants
from bcdcodec.training import export
from bcdcodec.video.reader import VideoReader
from bcdcodec.weightfile import open_weights


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The preset with every width shrunk, and few batches measured."""
    torch.set_num_threads(1)
    full = preset("sprites-tiny")
    shrunk = dataclasses.replace(
        full,
        encoder=dataclasses.replace(full.encoder, width=16, feed_forward=32, layers=1, heads=2),
        quantizer=dataclasses.replace(full.quantizer, dims=8),
        denoiser=dataclasses.replace(full.denoiser, width=32, feed_forward=32, layers=2, heads=2),
        optim=dataclasses.replace(full.optim, batch=4),
    )
    monkeypatch.setattr(study, "preset", lambda name: shrunk)
    monkeypatch.setattr(export, "TABLE_BATCHES", 2)
    monkeypatch.setattr(scores, "MEASURED", 2)
    monkeypatch.setattr(scores, "CLIPS", 4)


def test_a_page_with_the_truth_and_runs_that_are_found_again(
    sprites_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, stages = tmp_path / "out", list[str]()

    def ablate(work: str = "work", **changed: Any) -> scores.Ablations:
        return study.run_study(
            "sprites-tiny",
            sprites_folder / "train",
            sprites_folder / "test",
            out=out,
            work=tmp_path / work,
            **({"updates": 2, "pairs": 3} | changed),
            progress=lambda stage, done, total: stages.append(stage),
        )

    judged = study.TruthJudge.__call__

    def outside_of_inference(judge: study.TruthJudge, *args: Any, **named: Any) -> dict[str, float]:
        assert not torch.is_inference_mode_enabled(), "a 3D face is fitted by gradients"
        return judged(judge, *args, **named)

    monkeypatch.setattr(study.TruthJudge, "__call__", outside_of_inference)
    found = ablate()
    names = [one.name for one in variants(preset("sprites-tiny"))]
    assert [one.name for one in found.scores] == names and set(names) <= set(stages)
    assert [one.frames for one in found.contents] == [1, 5, None]
    # Different runs say different things of the same clips; the first steps already part them.
    assert len({one.errors["true"] for one in found.scores}) >= 4
    assert len({one.error for one in found.contents}) == 3
    assert [one.steps for one in found.steps] == [1, 4, 16, 64]
    assert len({one.truth["psnr_db"] for one in found.steps}) == 4
    assert all(0 <= one.truth["action"] <= 1 and 0 <= one.truth["appearance"] <= 1 for one in found.scores)
    assert json.loads((out / "sprites_ablations/ablations.json").read_text())["scores"][1]["target_bits"] == 3.0
    page = (out / "sprites_ablations.md").read_text()
    assert page.count("\n| `") == 2 * len(names) - 1 and "| `not-cross-driven` | 120.1 | 0.64 |" in page
    for picture in ("sprites_ablations/curves.png", "sprites_ablations/transfer.png"):
        with VideoReader(out / picture, 1) as reader:
            assert np.ptp(next(iter(reader)).pixels) > 100
    weights = open_weights(tmp_path / "work/runs/not-cross-driven/weights.safetensors")
    assert not weights.config.optim.cross_driven

    stages.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study.TruthJudge, "__call__", None)  # what was judged is not judged again
        assert ablate() == found
    assert not set(names) & set(stages)
    assert (out / "sprites_ablations.md").read_text() == page
    with pytest.raises(ConfigError, match="began with other updates"):
        ablate(updates=3)

    trained = tmp_path / "work/runs/base/weights.safetensors"
    ablate("refined", updates=1, init=trained)
    assert "every variant refined from `weights` for 1 updates" in (out / "sprites_ablations.md").read_text()
    before, after = (
        load_networks(open_weights(path), torch.device("cpu")).bcd.state_dict()
        for path in (trained, tmp_path / "refined/runs/base/weights.safetensors")
    )
    learned = [name for name in before if not name.startswith("quantizer.standardize.")]
    assert all(torch.allclose(after[name], before[name], atol=2e-3) for name in learned)
    assert any(not torch.equal(after[name], before[name]) for name in learned)
    quantizer = open_weights(tmp_path / "refined/runs/rate-2/weights.safetensors").config.quantizer
    assert quantizer.temperature_max == quantizer.temperature_min < 1
    with pytest.raises(ConfigError, match="began with other init"):
        ablate("refined", updates=1)


def test_fid_is_refused_where_the_truth_is_known(sprites_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="FID is of transferred faces"):
        study.run_study(
            "sprites-tiny", sprites_folder / "train", sprites_folder / "test", out=tmp_path, work=tmp_path / "work",
            updates=2, pairs=3, inception=tmp_path / "inception.pth",
        )  # fmt: skip
    assert not (tmp_path / "work").exists()
