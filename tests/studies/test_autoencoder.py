"""The autoencoder study: stills are reconstructed, a better autoencoder scores better, wrong names are refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bcdcodec.config import preset
from bcdcodec.studies.autoencoder import measure
from bcdcodec.training.vae import load_vae
from bcdcodec.weightfile import find_weights

Bcd = Callable[..., Any]


@pytest.fixture
def clips(talking_clip: Path, tmp_path: Path) -> Path:
    (tmp_path / "a.mp4").write_bytes(talking_clip.read_bytes())
    (tmp_path / "clips.csv").write_text("clip,person\na.mp4,x\n")
    return tmp_path


def test_the_shipped_one_on_a_clip(bcd: Bcd, clips: Path) -> None:
    found = json.loads(bcd("bench", "autoencoder", clips, "--metrics", "psnr,ssim", "--json").out)
    assert found["stills"] == 1 and 15 < found["psnr"] < 50 and 0.5 < found["ssim"] < 1
    done = bcd("bench", "autoencoder", clips, "--metrics", "psnr")
    assert (done.code, done.out) == (0, f"1 stills: psnr {found['psnr']:.3f} dB\n")


def test_noise_on_its_weights_is_noticed() -> None:
    config = preset("face")
    assert config.vae is not None
    still = np.tile(np.linspace(0, 255, 256).astype(np.uint8)[None, :, None], (256, 1, 3))
    vae = load_vae(find_weights("face").path, config.vae)
    good = measure(vae, [still], ["psnr"])["psnr"]
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in vae.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    assert measure(vae, [still], ["psnr"])["psnr"] < good - 3


def test_refusals(bcd: Bcd, clips: Path) -> None:
    done = bcd("bench", "autoencoder", clips, "--metrics", "psnr,beauty")
    assert done.code == 2 and "unknown metrics beauty, known are psnr, " in done.err
    assert bcd("bench", "autoencoder", clips / "nothing", "--metrics", "psnr").code == 2
    done = bcd("bench", "autoencoder", clips, "--weights", clips / "a.mp4", "--metrics", "psnr")
    assert done.code == 2 and "is not an autoencoder of this shape" in done.err
