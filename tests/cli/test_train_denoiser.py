"""`bcd data pairs` and `bcd train denoiser` hand their options on; what they do is tested with denoiser/."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bcdcodec.denoiser import commands, packing
from bcdcodec.denoiser.score import Score
from bcdcodec.denoiser.training import DenoiserOptions

Bcd = Callable[..., Any]


def test_pairs(bcd: Bcd, tmp_path: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, Any] = {}

    def pack(
        clips: Path, folder: Path, *, weights: Path, excerpts: int, seed: int, workers: int, progress: Any
    ) -> None:
        progress(24, 48)
        found.update(clips=clips, folder=folder, weights=weights, excerpts=excerpts, seed=seed, workers=workers)

    monkeypatch.setattr(packing, "pack_pairs", pack)
    line = ("--data", tmp_path, "--excerpts", "40", "--workers", "2", "--seed", "3", "--weights", tiny_weights)
    done = bcd("data", "pairs", *line, tmp_path / "pairs")
    assert done.code == 0 and f"next: bcd train denoiser --pairs {tmp_path / 'pairs'} --run " in done.err
    asked = {"clips": tmp_path, "folder": tmp_path / "pairs", "weights": tiny_weights, "excerpts": 40, "seed": 3}
    assert found == asked | {"workers": 2}
    assert bcd("data", "pairs", "--data", tmp_path / "none", "--excerpts", "1", tmp_path / "pairs").code == 2


def test_denoiser(bcd: Bcd, tmp_path: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []

    def train(
        options: DenoiserOptions, out: Path, *, weights: Any, scored: Path | None, progress: Any
    ) -> tuple[dict[str, Score], dict[str, float]]:
        progress(0.5, 30.0)
        found.append((options, weights.path, scored))
        out.write_bytes(tiny_weights.read_bytes())
        return ({"warp": Score(20.0, 0.2, 0.15, 1.04)}, {"true": 0.05, "no motion": 0.06}) if scored else ({}, {})

    monkeypatch.setattr(commands, "run_denoiser_training", train)
    line = ("train", "denoiser", "--pairs", tmp_path, "--run", tmp_path / "run", "--budget-minutes", "30")
    out = tmp_path / "out.safetensors"
    done = bcd(*line, "--weights", tiny_weights, "--updates", "20", "--score", tmp_path, out)
    assert done.code == 0
    assert f"{out}: {tiny_weights.stat().st_size} bytes, model " in done.out
    assert "warp     PSNR 20.00 dB, LPIPS 0.2000, DISTS 0.1500, changes 1.04 of the true ones" in done.out
    asked = DenoiserOptions(pairs=tmp_path, run=tmp_path / "run", budget_minutes=30, updates=20)
    assert found == [(asked, tiny_weights, tmp_path)]
    assert done.err == f"next: bcd bench validation CLIPS --quick --weights {out}\n"
    assert bcd(*line, out).code == 2  # not replaced
    assert bcd(*line[:-1], "0", tmp_path / "other.safetensors").code == 2
