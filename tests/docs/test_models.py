"""The table of models in docs/training.md is true."""

import pytest
import torch
from pages_kit import ROOT

from bcdcodec.config import PRESET_NAMES, PictureDenoiserConfig, preset
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.unet import PictureDenoiser
from bcdcodec.model.vae import Vae

TRAINING = (ROOT / "docs" / "training.md").read_text()


@pytest.mark.parametrize("name", PRESET_NAMES)
def test_parameter_counts_are_the_models(name: str) -> None:
    config = preset(name)
    with torch.device("meta"):
        parts = dict(Bcd(config).named_children())
        autoencoder = [Vae(config.vae)] if config.vae else []
    decoding = [part for key, part in parts.items() if key not in ("encoder", "quantizer")]
    row = next(line for line in TRAINING.splitlines() if line.startswith(f"| `{name}`"))
    counts = [[parts["encoder"]], decoding, [*parts.values()], autoencoder]
    assert [f" {millions(count)} M" in row for count in counts if count] == [True] * sum(map(bool, counts))


def test_the_parts_of_the_decoder_are_the_models() -> None:
    with torch.device("meta"):
        face = Bcd(preset("face"))
    assert face.warper is not None
    assert f"denoiser of {millions([face.dit])} M" in TRAINING
    assert f"network of the warper of {millions([face.warper])} M" in TRAINING


def test_the_denoiser_of_pictures_is_the_shipped_one() -> None:
    with torch.device("meta"):
        painter = PictureDenoiser(PictureDenoiserConfig(), 1024)
    assert f"pictures of {millions([painter])} M" in TRAINING


def millions(modules: list[torch.nn.Module]) -> str:
    return f"{sum(p.numel() for module in modules for p in module.parameters()) / 1e6:.2f}"
