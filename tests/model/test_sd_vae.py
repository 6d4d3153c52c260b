"""The Stable-Diffusion autoencoder: through `diffusers`, with a small random network saved to disk; which one it is,
with a stand-in of the same interface.
"""

import dataclasses
import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Self

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from bcdcodec.codec.model import CodecModel
from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError, WeightsError
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.sd_vae import SCALE, StableDiffusionVae, load_sd_vae
from bcdcodec.model.weights import Networks, save_networks
from bcdcodec.weightfile import open_weights, weights_of_stream

needs_diffusers = pytest.mark.skipif(importlib.util.find_spec("diffusers") is None, reason="needs diffusers")


def tiny(seed: int = 0, **changes: object) -> Any:
    from diffusers import AutoencoderKL

    options: dict[str, object] = {
        "block_out_channels": (8, 8, 8, 8),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "latent_channels": 4,
        "norm_num_groups": 4,
        "layers_per_block": 1,
    }
    torch.manual_seed(seed)
    return AutoencoderKL(**(options | changes))


@needs_diffusers
def test_loads_from_a_folder_and_scales(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = tiny()
    network.save_pretrained(tmp_path)
    monkeypatch.setenv("BCD_SD_VAE", str(tmp_path))
    vae = load_sd_vae()
    x = torch.rand(2, 3, 64, 64) * 2 - 1
    z = vae.encode(x)
    assert z.shape == (2, 4, 8, 8)
    torch.testing.assert_close(z, vae.network.encode(x).latent_dist.mean * SCALE)
    assert vae.decode(z).shape == x.shape


@needs_diffusers
def test_another_shape_is_refused() -> None:
    with pytest.raises(WeightsError, match="needs 4 and 4"):
        StableDiffusionVae(tiny(latent_channels=8))


@needs_diffusers
def test_missing_folder_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="BCD_SD_VAE"):
        load_sd_vae(str(tmp_path / "nothing"))


@needs_diffusers
def test_a_saved_autoencoder_keeps_its_digest(tmp_path: Path) -> None:
    digest = StableDiffusionVae(tiny()).digest
    tiny().save_pretrained(tmp_path)
    assert load_sd_vae(str(tmp_path), digest=digest).digest == digest
    other = StableDiffusionVae(tiny(seed=1)).digest
    with pytest.raises(WeightsError, match=f"{digest}.*{other}"):
        load_sd_vae(str(tmp_path), digest=other)


class StandIn(nn.Module):
    """An autoencoder with the interface of `diffusers.AutoencoderKL`: 8x down, and back."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.config = SimpleNamespace(latent_channels=4, block_out_channels=(1, 1, 1, 1))
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.down = nn.Conv2d(3, 4, 8, stride=8)
            self.up = nn.ConvTranspose2d(4, 3, 8, stride=8)

    def encode(self, x: Tensor) -> SimpleNamespace:
        return SimpleNamespace(latent_dist=SimpleNamespace(mean=self.down(x)))

    def decode(self, z: Tensor) -> SimpleNamespace:
        return SimpleNamespace(sample=self.up(z))

    @classmethod
    def from_pretrained(cls, location: str, *, use_safetensors: bool) -> Self:
        network = cls()
        network.load_state_dict(load_file(Path(location) / "vae.safetensors"))
        return network


@pytest.fixture
def autoencoders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Folders of two autoencoders; the first one is that of the environment."""
    module = ModuleType("diffusers")
    module.AutoencoderKL = StandIn  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "diffusers", module)
    folders = []
    for seed in (0, 1):
        folders.append(tmp_path / f"autoencoder{seed}")
        folders[-1].mkdir()
        save_file(StandIn(seed).state_dict(), folders[-1] / "vae.safetensors")
    monkeypatch.setenv("BCD_SD_VAE", str(folders[0]))
    return folders


@pytest.fixture
def public_config(tiny_config: ModelConfig) -> ModelConfig:
    """The tiny model over latents of the public autoencoder."""
    return dataclasses.replace(tiny_config, autoencoder="stable-diffusion", vae=None)


def write(path: Path, config: ModelConfig, given: Path, vae: StableDiffusionVae | None) -> Path:
    """Weights with the tables of given ones. vae: None leaves out its digest."""
    torch.manual_seed(0)
    tables = {name.removeprefix("tables."): v for name, v in load_file(given).items() if name.startswith("tables.")}
    save_networks(path, Networks(Bcd(config), vae), config=config, tables=tables)
    return path


def test_digest_is_of_the_values_alone() -> None:
    digest = StableDiffusionVae(StandIn()).digest
    assert len(digest) == 64
    assert StableDiffusionVae(StandIn(1)).digest != digest
    renamed = StandIn()
    renamed.first, renamed.last = renamed.down, renamed.up
    del renamed.down, renamed.up
    renamed.last.weight = nn.Parameter(renamed.last.weight[..., None])  # type: ignore[assignment]
    assert StableDiffusionVae(renamed).digest == digest
    changed = StandIn()
    changed.up.bias.data[0] += 1e-6
    assert StableDiffusionVae(changed).digest != digest


def test_weights_name_their_autoencoder_and_load_with_no_other(
    autoencoders: list[Path],
    public_config: ModelConfig,
    tiny_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digests = [load_sd_vae(str(folder)).digest for folder in autoencoders]
    path = write(tmp_path / "public.safetensors", public_config, tiny_weights, load_sd_vae())
    weights = open_weights(path)
    assert weights.config.autoencoder_digest == digests[0]
    model = CodecModel.load(weights, device="cpu")
    assert isinstance(model.vae, StableDiffusionVae)

    # A decoder finds the weights by the id in the stream, and its own autoencoder by the environment.
    monkeypatch.setenv("BCD_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("BCD_SD_VAE", str(autoencoders[1]))
    with pytest.raises(WeightsError, match=f"{autoencoders[1]}.*{digests[1]}.*{digests[0]}"):
        CodecModel.load(weights_of_stream(weights.model_id), device="cpu")


def test_the_id_of_a_model_depends_on_its_autoencoder(
    autoencoders: list[Path], public_config: ModelConfig, tiny_weights: Path, tmp_path: Path
) -> None:
    ids = []
    for number, folder in enumerate((*autoencoders, autoencoders[0])):
        vae = load_sd_vae(str(folder))
        path = write(tmp_path / f"{number}.safetensors", public_config, tiny_weights, vae)
        ids.append(open_weights(path).model_id)
    assert ids[0] == ids[2]
    assert ids[0] != ids[1]


def test_weights_that_name_none_are_refused(
    autoencoders: list[Path], public_config: ModelConfig, tiny_weights: Path, tmp_path: Path
) -> None:
    path = write(tmp_path / "public.safetensors", public_config, tiny_weights, None)
    with pytest.raises(WeightsError, match="does not say which autoencoder"):
        CodecModel.load(path, device="cpu")


def test_other_models_name_none(tiny_config: ModelConfig, public_config: ModelConfig) -> None:
    assert "autoencoder_digest" not in tiny_config.to_json()
    named = dataclasses.replace(public_config, autoencoder_digest="0" * 64)
    assert ModelConfig.from_json(named.to_json()) == named
    with pytest.raises(ConfigError, match="the autoencoder is small"):
        dataclasses.replace(tiny_config, autoencoder_digest="0" * 64)
    for wrong in ("0" * 63, "g" * 64, "A" * 64):
        with pytest.raises(ConfigError, match="needs 64 hexadecimal digits"):
            dataclasses.replace(public_config, autoencoder_digest=wrong)
