"""Presets: the published numbers, and codecs that they do not fit."""

import pytest

from bcdcodec.config import ModelConfig, preset
from bcdcodec.errors import ConfigError
from bcdcodec.motion.config import MotionConfig, motion_preset


def test_the_exact_preset_is_table_a6() -> None:
    config = motion_preset("motion")
    assert (config.width, config.layers, config.heads, config.groups, config.entries) == (1024, 12, 8, 64, 32)
    assert config.groups * config.dims == config.width, "motion vectors go in as they are"
    optim = config.optim
    assert (optim.learning_rate, optim.batch, optim.weight_decay, optim.betas) == (1e-4, 256, 0.01, (0.9, 0.999))
    assert optim.downsampling == 0.5


@pytest.mark.parametrize("name", ["motion", "face-motion"])
def test_presets_fit_the_codec_and_survive_json(name: str) -> None:
    config = motion_preset(name)
    config.check_fits(preset("face"))
    assert MotionConfig.from_json(config.to_json()) == config


def test_codes_of_other_codecs_are_refused(tiny_config: ModelConfig) -> None:
    with pytest.raises(ConfigError, match="those of tiny are"):
        motion_preset("face-motion").check_fits(tiny_config)


def test_unknown_names_and_keys_are_refused() -> None:
    with pytest.raises(ConfigError, match="known are motion, face-motion"):
        motion_preset("walk")
    text = motion_preset("motion").to_json().replace('"width"', '"wide"')
    with pytest.raises(ConfigError, match="motion has unknown keys \\['wide'\\]"):
        MotionConfig.from_json(text)
