"""The Stable-Diffusion autoencoder through `diffusers`, with a small random network of the same shape saved to disk."""

from pathlib import Path

import pytest
import torch

from bcdcodec.errors import WeightsError
from bcdcodec.model.sd_vae import SCALE, StableDiffusionVae, load_sd_vae

diffusers = pytest.importorskip("diffusers")


def tiny(**changes: object) -> object:
    options: dict[str, object] = {
        "block_out_channels": (8, 8, 8, 8),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "latent_channels": 4,
        "norm_num_groups": 4,
        "layers_per_block": 1,
    }
    torch.manual_seed(0)
    return diffusers.AutoencoderKL(**(options | changes))


def test_loads_from_a_folder_and_scales(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = tiny()
    network.save_pretrained(tmp_path)  # type: ignore[attr-defined]
    monkeypatch.setenv("BCD_SD_VAE", str(tmp_path))
    vae = load_sd_vae()
    x = torch.rand(2, 3, 64, 64) * 2 - 1
    z = vae.encode(x)
    assert z.shape == (2, 4, 8, 8)
    torch.testing.assert_close(z, vae.network.encode(x).latent_dist.mean * SCALE)
    assert vae.decode(z).shape == x.shape


def test_another_shape_is_refused() -> None:
    with pytest.raises(WeightsError, match="needs 4 and 4"):
        StableDiffusionVae(tiny(latent_channels=8))


def test_missing_folder_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="BCD_SD_VAE"):
        load_sd_vae(str(tmp_path / "nothing"))
