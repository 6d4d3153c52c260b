"""What a run is refused for before hours of reading clips."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bcdcodec.config import ModelConfig, preset
from bcdcodec.errors import ConfigError
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.vae import Vae
from bcdcodec.model.weights import Networks, load_networks, save_networks
from bcdcodec.training import inputs
from bcdcodec.training.commands import plan_training, run_export, run_training
from bcdcodec.training.data.cache import cache_mark
from bcdcodec.training.inputs import cache_folder
from bcdcodec.training.options import CodecTrainOptions, TrainOptions
from bcdcodec.training.run.checkpoint import save_average
from bcdcodec.training.run.loop import train
from bcdcodec.training.vae import load_vae, save_vae
from bcdcodec.weightfile import open_weights


def test_excerpts_have_a_folder_of_their_own(tmp_path: Path, tiny_config: ModelConfig) -> None:
    assert cache_folder(tmp_path, tiny_config, 0) == tmp_path / "latents"
    excerpts = cache_folder(tmp_path, tiny_config, 9)
    excerpts.mkdir()
    assert cache_folder(tmp_path, tiny_config, 9) == excerpts
    with pytest.raises(ConfigError, match="learned from excerpts; give --excerpts again"):
        cache_folder(tmp_path, tiny_config, 0)


@pytest.mark.parametrize("name", ["sprites", "sprites-tiny"])
def test_drawn_figures_have_no_excerpts(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=f"--excerpts is for presets of filmed faces, {name} is of drawn figures"):
        cache_folder(tmp_path, preset(name), 5)


def test_schedules_are_refused_before_clips_are_read(tmp_path: Path) -> None:
    nowhere = tmp_path / "nothing"
    asked = CodecTrainOptions(model="face", data=nowhere, run=tmp_path / "run", updates=5)
    for options, why in (
        (replace(asked, reinit_codebooks=True), "initialised from landmarks"),
        (replace(asked, model="sprites", train="encoder"), "points of a face"),
        (replace(asked, model="sprites", train="denoiser", reinit_codebooks=True), "not the denoiser alone"),
    ):
        with pytest.raises(ConfigError, match=why):
            run_training(options)
        with pytest.raises(ConfigError, match=why):
            plan_training(options)
    assert not (tmp_path / "run").exists()


def test_export_counts_on_clips_as_they_are(tmp_path: Path, tiny_config: ModelConfig, clip_cache: Path) -> None:
    """A run on excerpts has none, and tables of augmented pictures would be wrong."""
    assert tiny_config.vae is not None
    torch.manual_seed(0)
    run, vae = tmp_path / "run", Vae(tiny_config.vae).eval().requires_grad_(False)
    train(tiny_config, TrainOptions(run=run, updates=1), cache=clip_cache, vae=vae)
    save_vae(tmp_path / "vae.safetensors", vae)
    with pytest.raises(ConfigError, match="no clips as they are, on which tables are counted; give --data"):
        run_export(run, tmp_path / "out.safetensors", vae=tmp_path / "vae.safetensors")
    clip_cache.rename(run / "latents")
    run_export(run, tmp_path / "out.safetensors", vae=tmp_path / "vae.safetensors")
    assert (tmp_path / "out.safetensors").exists()


def test_the_cache_of_a_run_serves_the_weights_exported_from_it(tmp_path: Path, tiny_config: ModelConfig) -> None:
    """`bcd train context --run RUN` goes on with the latents of the run, made before weights were rounded."""
    assert tiny_config.vae is not None
    torch.manual_seed(0)
    bcd, path = Bcd(tiny_config), tmp_path / "vae.safetensors"
    save_vae(path, Vae(tiny_config.vae))
    trained = load_vae(path, tiny_config.vae)
    save_networks(tmp_path / "plain.safetensors", Networks(bcd, trained), config=tiny_config, tables={})
    exported = load_networks(open_weights(tmp_path / "plain.safetensors"), torch.device("cpu")).vae
    marks = {cache_mark(vae, tiny_config, "1 whole clips", [("a.mp4", "a")]) for vae in (trained, exported)}
    assert len(marks) == 1


def test_compiling_without_a_compiler_is_refused_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs.shutil, "which", lambda name: None)
    with pytest.raises(ConfigError, match=r"--compile needs a C\+\+ compiler, found none of g\+\+"):
        run_training(
            CodecTrainOptions(model="sprites-tiny", data=tmp_path, run=tmp_path / "run", updates=1, compiled=True)
        )
    assert not (tmp_path / "run").exists()


def saved_vae(folder: Path, config: ModelConfig) -> Path:
    """The file of an untrained autoencoder; what comes after has the same seed every time."""
    assert config.vae is not None
    torch.manual_seed(0)
    save_vae(folder / "vae.safetensors", Vae(config.vae))
    return folder / "vae.safetensors"


def test_export_takes_the_best_weights_unless_the_last_are_asked_for(
    tmp_path: Path, tiny_config: ModelConfig, clip_cache: Path
) -> None:
    run, path = tmp_path / "run", saved_vae(tmp_path, tiny_config)
    vae = load_vae(path, tiny_config.vae)
    best = train(tiny_config, TrainOptions(run=run, updates=1), cache=clip_cache, vae=vae)
    save_average(run / "best.safetensors", step=1, average=best, error=0.5)
    train(tiny_config, TrainOptions(run=run, updates=2), cache=clip_cache, vae=vae)
    clip_cache.rename(run / "latents")
    found = {}
    for last in (False, True):
        out = tmp_path / f"{last}.safetensors"
        summary = run_export(run, out, vae=path, last=last)
        found[summary.checkpoint] = summary.update, load_file(out)["bcd.encoder.motion_head.weight"]
    assert {name: update for name, (update, _) in found.items()} == {"best.safetensors": 1, "last.safetensors": 2}
    assert not torch.equal(found["best.safetensors"][1], found["last.safetensors"][1])


def test_export_in_eight_bits_is_small_and_is_what_its_tables_describe(
    tmp_path: Path, tiny_config: ModelConfig, clip_cache: Path
) -> None:
    run, path = tmp_path / "run", saved_vae(tmp_path, tiny_config)
    train(tiny_config, TrainOptions(run=run, updates=1), cache=clip_cache, vae=load_vae(path, tiny_config.vae))
    clip_cache.rename(run / "latents")
    outs = [tmp_path / "whole.safetensors", tmp_path / "small.safetensors"]
    for out, eight_bits in zip(outs, (False, True), strict=True):
        run_export(run, out, vae=path, eight_bits=eight_bits)
    whole, small = (load_networks(open_weights(out), torch.device("cpu")) for out in outs)
    assert outs[1].stat().st_size < 0.7 * outs[0].stat().st_size  # of a tiny model the tables are a large part
    assert torch.equal(whole.bcd.quantizer.codebook, small.bcd.quantizer.codebook)
    exact, rounded = whole.bcd.encoder.motion_head.weight, small.bcd.encoder.motion_head.weight
    step = exact.abs().amax(1, keepdim=True) / 127
    assert 0 < ((exact - rounded).abs() / step).max() < 0.6  # of 16 bits those of the whole are
