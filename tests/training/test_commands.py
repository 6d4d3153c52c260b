"""What a run is refused for before hours of reading clips."""

from pathlib import Path

import pytest
import torch

from bcdcodec.config import ModelConfig, preset
from bcdcodec.errors import ConfigError
from bcdcodec.model.vae import Vae
from bcdcodec.training import commands
from bcdcodec.training.commands import _cache_folder, plan_training, run_export, run_training
from bcdcodec.training.run.loop import TrainOptions, train
from bcdcodec.training.vae import save_vae


def test_excerpts_have_a_folder_of_their_own(tmp_path: Path, tiny_config: ModelConfig) -> None:
    assert _cache_folder(tmp_path, tiny_config, 0) == tmp_path / "latents"
    excerpts = _cache_folder(tmp_path, tiny_config, 9)
    excerpts.mkdir()
    assert _cache_folder(tmp_path, tiny_config, 9) == excerpts
    with pytest.raises(ConfigError, match="learned from excerpts; give --excerpts again"):
        _cache_folder(tmp_path, tiny_config, 0)


@pytest.mark.parametrize("name", ["sprites", "sprites-tiny"])
def test_drawn_figures_have_no_excerpts(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=f"--excerpts is for presets of filmed faces, {name} is of drawn figures"):
        _cache_folder(tmp_path, preset(name), 5)


def test_schedules_are_refused_before_clips_are_read(tmp_path: Path) -> None:
    nowhere = tmp_path / "nothing"
    for name, codes, why in (("face", "refit", "laid out over poses"), ("sprites", "tell", "points of a face")):
        with pytest.raises(ConfigError, match=why):
            run_training(name, nowhere, vae=None, run=tmp_path / "run", steps=5, codes=codes)  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match=why):
            plan_training(name, nowhere, 5, codes=codes)  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()


def test_export_counts_on_clips_as_they_are(tmp_path: Path, tiny_config: ModelConfig, clip_cache: Path) -> None:
    """A run on excerpts has none, and tables of augmented pictures would be wrong."""
    assert tiny_config.vae is not None
    torch.manual_seed(0)
    run, vae = tmp_path / "run", Vae(tiny_config.vae).eval().requires_grad_(False)
    train(tiny_config, TrainOptions(run=run, cache=clip_cache, steps=1), vae=vae)
    save_vae(tmp_path / "vae.safetensors", vae)
    with pytest.raises(ConfigError, match="no clips as they are, on which tables are counted; give --data"):
        run_export(run, tmp_path / "out.safetensors", vae=tmp_path / "vae.safetensors")
    clip_cache.rename(run / "latents")
    run_export(run, tmp_path / "out.safetensors", vae=tmp_path / "vae.safetensors")
    assert (tmp_path / "out.safetensors").exists()


def test_compiling_without_a_compiler_is_refused_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands.shutil, "which", lambda name: None)
    with pytest.raises(ConfigError, match=r"--compile needs a C\+\+ compiler, found none of g\+\+"):
        run_training("sprites-tiny", tmp_path, vae=None, run=tmp_path / "run", steps=1, compiled=True)
    assert not (tmp_path / "run").exists()
