"""Weights of one person: the encoder moves, what a decoder and the coder need stays as it was."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bcdcodec.errors import ConfigError
from bcdcodec.training.data.cache import cache_mark
from bcdcodec.training.personal import check_personal, personalize
from bcdcodec.weightfile import WeightsFile, open_weights


@pytest.fixture
def data(clip_cache: Path, tiny_weights: Path, tmp_path: Path) -> Path:
    """The folder of a run whose clips are cached already."""
    from bcdcodec.model.weights import load_networks

    weights = open_weights(tiny_weights)
    vae = load_networks(weights, torch.device("cpu")).vae
    clips = [("c0.mp4", "p0"), ("c1.mp4", "p0")]
    (tmp_path / "clips.csv").write_text("clip,person\n" + "".join(f"{clip},{person}\n" for clip, person in clips))
    mark = cache_mark(vae, weights.config, "2 whole clips", clips)
    (clip_cache / "made_with.txt").write_text(mark)
    return tmp_path


def test_the_encoder_alone_moves_half_of_the_way(data: Path, tiny_weights: Path) -> None:
    stages: list[str] = []
    given, out = open_weights(tiny_weights), data / "own.safetensors"
    personalize(given, data, out, run=data, updates=3, progress=lambda stage, done, total: stages.append(stage))
    assert stages == ["updates"] * 3
    found = open_weights(out)
    assert found.config == given.config and found.model_id != given.model_id
    before, after = load_file(tiny_weights), load_file(out)
    learned = load_file(data / "last.safetensors")
    assert before.keys() == after.keys()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved and all(name.startswith("bcd.encoder.") for name in moved)
    name = max(moved, key=lambda name: before[name].numel())
    middle = (before[name].float() + learned[name.replace("bcd.", "average.")]) / 2
    torch.testing.assert_close(after[name].float(), middle, rtol=1e-3, atol=1e-5)
    personalize(given, data, data / "again.safetensors", run=data, updates=3)  # goes on where it was: at its end
    assert (data / "again.safetensors").read_bytes() == out.read_bytes()


def test_a_run_goes_on_with_what_it_began_with(data: Path, tiny_weights: Path) -> None:
    given, out = open_weights(tiny_weights), data / "own.safetensors"
    personalize(given, data, out, run=data, updates=1)
    other = WeightsFile(given.path, bytes(16), given.config)
    with pytest.raises(ConfigError, match="began with other weights; name another folder"):
        personalize(other, data, out, run=data, updates=1)
    with pytest.raises(ConfigError, match="began with other updates"):
        personalize(given, data, out, run=data, updates=2)
    (data / "clips.csv").write_text("clip,person\nc0.mp4,p0\nc2.mp4,p0\n")
    with pytest.raises(ConfigError, match="began with other clips"):
        personalize(given, data, out, run=data, updates=1)
    (data / "personal.json").unlink()
    with pytest.raises(ConfigError, match="is a run of bcd train"):
        personalize(given, data, out, run=data, updates=1)


def test_weights_without_points_are_refused(tiny_weights: Path) -> None:
    weights = open_weights(tiny_weights)
    config = replace(weights.config, denoiser=replace(weights.config.denoiser, landmarks=0))
    pointless = WeightsFile(weights.path, weights.model_id, config)
    with pytest.raises(ConfigError, match="cannot be personalized: codes of preset tiny move no points of a face"):
        check_personal(pointless, "cpu")
