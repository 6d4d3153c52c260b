"""Presets: the hyperparameters of Tables A4 and A5, and the resulting numbers of parameters."""

from dataclasses import replace

import pytest
import torch

from bcdcodec.config import PRESET_NAMES, ModelConfig, preset
from bcdcodec.errors import ConfigError
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.vae import Vae

#: Parameters in millions (encoder, quantiser, denoiser); docs/training.md quotes them.
SIZES = {
    "lrs3": (40.45, 0.03, 235.96),
    "face-bcd": (2.84, 0.03, 5.4),
    "sprites": (26.21, 0.02, 59.25),
    "sprites-tiny": (3.75, 0.0, 9.32),
}


def test_lrs3_is_table_a4() -> None:
    config = preset("lrs3")
    encoder, denoiser, quantizer = config.encoder, config.denoiser, config.quantizer
    assert (encoder.width, encoder.feed_forward, encoder.layers, encoder.heads) == (512, 2048, 12, 8)
    assert (denoiser.resolution, denoiser.channels, denoiser.patch, denoiser.width) == (32, 4, 4, 768)
    assert (denoiser.feed_forward, denoiser.layers, denoiser.heads) == (3072, 12, 12)
    assert denoiser.temporal_blocks == (0, 2, 4, 6, 8, 10)
    assert (config.sampling["paper"].steps, config.sampling["paper"].guidance) == (128, 1.5)
    assert (quantizer.groups, quantizer.dims, quantizer.entries) == (64, 16, 32)
    assert quantizer.groups * quantizer.target_bits_per_group * 25 == 4000
    assert (quantizer.temperature_max, quantizer.temperature_min) == (1.5, 0.1)
    assert quantizer.temperature_decay == 0.9999972
    optim = config.optim
    assert (optim.learning_rate, optim.encoder_learning_rate, optim.batch) == (2e-4, 1e-4, 32)
    assert (optim.weight_decay, optim.betas, optim.condition_dropout) == (0.01, (0.9, 0.999), 0.1)
    assert optim.rate_weight == 0.04
    assert not encoder.seeded_queries


def test_sprites_is_table_a5() -> None:
    config = preset("sprites")
    encoder, denoiser, quantizer = config.encoder, config.denoiser, config.quantizer
    assert (encoder.width, encoder.feed_forward, encoder.layers, encoder.heads) == (384, 1536, 12, 6)
    assert (denoiser.resolution, denoiser.channels, denoiser.patch, denoiser.width) == (64, 3, 8, 384)
    assert (denoiser.feed_forward, denoiser.layers, denoiser.heads) == (1536, 12, 6)
    assert denoiser.temporal_blocks == (0, 2, 4, 6, 8, 10)
    assert (config.sampling["paper"].steps, config.sampling["paper"].guidance) == (50, 1.5)
    assert (quantizer.groups, quantizer.dims, quantizer.entries) == (1, 384, 64)
    assert quantizer.target_bits_per_group * 25 == 150
    assert (quantizer.temperature_max, quantizer.temperature_min) == (2.0, 0.5)
    assert quantizer.temperature_decay == 0.9999972
    optim = config.optim
    assert (optim.learning_rate, optim.encoder_learning_rate, optim.batch) == (5e-5, 5e-5, 128)
    assert (optim.weight_decay, optim.betas, optim.condition_dropout) == (0.01, (0.9, 0.999), 0.1)


def test_sprites_tiny_is_sprites_made_small() -> None:
    tiny, whole = preset("sprites-tiny"), preset("sprites")
    assert (tiny.pixels, tiny.autoencoder) == (whole.pixels, whole.autoencoder)
    for name in ("groups", "entries", "target_bits_per_group", "temperature_max", "temperature_min", "input_std"):
        assert getattr(tiny.quantizer, name) == getattr(whole.quantizer, name)
    for name in ("resolution", "channels", "patch", "sigma_data", "warp_blocks"):
        assert getattr(tiny.denoiser, name) == getattr(whole.denoiser, name)
    assert tiny.optim.across_clips and not whole.optim.across_clips


def test_face_bcd_is_lrs3_made_small() -> None:
    """The paper's kind: content in levels, neither warp nor landmarks, in latents of the small autoencoder.

    Content is a frame, not what queries learn: that needs more people than a small training set has. The entropy is
    estimated from several batches, which are small too.
    """
    small, whole, face = preset("face-bcd"), preset("lrs3"), preset("face")
    for name in ("groups", "entries", "dims", "target_bits_per_group", "alpha", "input_std", "temporal_rate"):
        assert getattr(small.quantizer, name) == getattr(whole.quantizer, name)
    assert small.quantizer.usage_batches * small.optim.batch > 100 > small.optim.batch  # the entropy is of many clips
    for name in ("resolution", "channels", "patch", "sigma_data", "warp_blocks", "landmarks"):
        assert getattr(small.denoiser, name) == getattr(whole.denoiser, name)
    assert (small.autoencoder, small.vae, small.frame_rate) == (face.autoencoder, face.vae, face.frame_rate)
    assert small.content.picture_bits == 0 and small.optim.rate_weight == whole.optim.rate_weight == 0.04
    assert small.optim.cross_driven and small.encoder.seeded_queries


@pytest.mark.parametrize("name", sorted(SIZES))
def test_parameter_counts(name: str) -> None:
    with torch.device("meta"):
        model = Bcd(preset(name))
    counts = tuple(round(sum(p.numel() for p in part.parameters()) / 1e6, 2) for _, part in model.named_children())
    assert counts == SIZES[name]


def test_face_fits_the_package() -> None:
    config = preset("face")
    assert config.vae is not None
    with torch.device("meta"):
        count = sum(p.numel() for part in (Bcd(config), Vae(config.vae)) for p in part.parameters())
    assert count <= 30e6  # 60 MB in float16


@pytest.mark.parametrize("name", PRESET_NAMES)
def test_json_round_trip(name: str) -> None:
    assert ModelConfig.from_json(preset(name).to_json()) == preset(name)


def test_which_codes_may_come_alone() -> None:
    """The paper's presets carry all; faces, whose codes are laid out by importance, a half or a quarter too."""
    counts = {name: preset(name).group_counts for name in PRESET_NAMES}
    assert counts == {"lrs3": (64,), "sprites": (1,), "sprites-tiny": (1,), "face": (16, 32, 64), "face-bcd": (64,)}
    lrs3 = preset("lrs3")

    def nested(*groups: int) -> ModelConfig:
        return replace(lrs3, optim=replace(lrs3.optim, nested_groups=groups))

    assert nested(16, 32).group_counts == (16, 32, 64)
    assert ModelConfig.from_json(nested(16, 32).to_json()) == nested(16, 32)
    for wrong in ((0, 16), (32, 16), (16, 16), (64,)):
        with pytest.raises(ConfigError, match="needs rising numbers from 1 to 63"):
            nested(*wrong)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"pixels"', '"pixel"', "unknown keys"),
        ('"patch": 4', '"patch": "4"', "needs"),
        ('"betas": [', '"betas": [0.5,', "3 values"),
        ("{", "[", "not JSON"),
    ],
)
def test_broken_configurations_are_refused(old: str, new: str, message: str) -> None:
    text = preset("lrs3").to_json().replace("\n", "").replace(" ", "").replace('"patch":4', '"patch": 4')
    text = text.replace('"betas":[', '"betas": [')
    with pytest.raises(ConfigError, match=message):
        ModelConfig.from_json(text.replace(old, new, 1))


def test_unknown_preset_names_the_known() -> None:
    with pytest.raises(ConfigError, match="lrs3, sprites, sprites-tiny, face"):
        preset("nope")
