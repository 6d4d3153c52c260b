"""tools/measure_vae.py: stills go there and back, a better autoencoder scores better, wrong names are refused."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from bcdcodec.config import preset
from bcdcodec.training.vae import load_vae
from bcdcodec.weightfile import find_weights


@pytest.fixture(scope="module")
def tool(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("tools/measure_vae.py")


@pytest.fixture
def clips(talking_clip: Path, tmp_path: Path) -> Path:
    (tmp_path / "a.mp4").write_bytes(talking_clip.read_bytes())
    (tmp_path / "clips.csv").write_text("clip,person\na.mp4,x\n")
    return tmp_path


def test_the_shipped_one_on_a_clip(tool: ModuleType, clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool.main([str(clips), "--metrics", "psnr,ssim", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["stills"] == 1 and 15 < found["psnr"] < 50 and 0.5 < found["ssim"] < 1
    assert tool.main([str(clips), "--metrics", "psnr"]) == 0
    assert capsys.readouterr().out == f"1 stills: psnr {found['psnr']:.3f} dB\n"


def test_noise_on_its_weights_is_noticed(tool: ModuleType) -> None:
    config = preset("face")
    assert config.vae is not None
    still = np.tile(np.linspace(0, 255, 256).astype(np.uint8)[None, :, None], (256, 1, 3))
    vae = load_vae(find_weights("face").path, config.vae)
    good = tool.measure(vae, [still], ["psnr"])["psnr"]
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in vae.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    assert tool.measure(vae, [still], ["psnr"])["psnr"] < good - 3


def test_refusals(tool: ModuleType, clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool.main([str(clips), "--metrics", "psnr,beauty"]) == 2
    assert "unknown metrics beauty, known are psnr, " in capsys.readouterr().err
    assert tool.main([str(clips / "nothing"), "--metrics", "psnr"]) == 2
    assert tool.main([str(clips), "--weights", str(clips / "a.mp4"), "--metrics", "psnr"]) == 2
    assert "is not an autoencoder of this shape" in capsys.readouterr().err
