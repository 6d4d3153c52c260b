"""Presets of decoders: which sampler of which model, in the order of quality and time."""

from dataclasses import replace

import pytest

from bcdcodec.codec.decode.presets import PRESETS, preset_sampling
from bcdcodec.config import ModelConfig, PictureDenoiserConfig, preset
from bcdcodec.denoiser.export import painting


def test_a_model_that_paints() -> None:
    config = replace(preset("face"), picture_denoiser=PictureDenoiserConfig(), sampling={"standard": painting(1)})
    fast, standard, best = (preset_sampling(config, name) for name in PRESETS)
    assert standard == painting(1) and fast == replace(standard, steps=0)
    assert best.mirrored and best.steps == 1 and best.sigma_end == pytest.approx(0.4 * standard.sigma_max)


@pytest.mark.parametrize("name", ["lrs3", "sprites", "sprites-tiny"])
def test_a_model_of_the_papers_kind(name: str) -> None:
    """Without a warp there is nothing to show before the first step."""
    samplers = [preset_sampling(preset(name), one) for one in PRESETS]
    steps = [sampling.steps for sampling in samplers]
    assert 0 < steps[0] < steps[1] < steps[2]
    assert samplers[2] == preset_sampling(preset(name), "paper")
    assert not any(sampling.mirrored for sampling in samplers)


def test_a_warp_is_the_fastest(tiny_config: ModelConfig) -> None:
    assert preset_sampling(tiny_config, "fast").steps == 0
