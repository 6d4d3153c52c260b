"""Presets of decoders: which sampler of which model, in the order of quality and time."""

from dataclasses import replace

import pytest

from bcdcodec.codec.decode.presets import PRESETS, preset_sampling
from bcdcodec.config import ModelConfig, PictureDenoiserConfig, preset
from bcdcodec.denoiser.export import painting


def test_a_model_that_paints() -> None:
    config = replace(preset("face"), picture_denoiser=PictureDenoiserConfig(), sampling={"standard": painting()})
    fast, standard = (preset_sampling(config, name) for name in PRESETS)
    assert standard == painting() and fast == replace(standard, steps=0)


@pytest.mark.parametrize("name", ["lrs3", "sprites", "sprites-tiny"])
def test_a_model_of_the_papers_kind(name: str) -> None:
    """Without a warp there is nothing to show before the first step."""
    steps = [preset_sampling(preset(name), one).steps for one in (*PRESETS, "paper")]
    assert 0 < steps[0] < steps[1] < steps[2]


def test_a_warp_is_the_fastest(tiny_config: ModelConfig) -> None:
    assert preset_sampling(tiny_config, "fast").steps == 0
