"""A tiny model that denoises pictures, as the shipped one does."""

from pathlib import Path

import pytest
import torch

from bcdcodec.codec.model import CodecModel
from bcdcodec.config import PictureDenoiserConfig
from bcdcodec.denoiser.export import export_denoiser
from bcdcodec.model.unet import PictureDenoiser
from bcdcodec.weightfile import open_weights


@pytest.fixture(scope="session")
def painter(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> CodecModel:
    """The tiny model with a denoiser that changes what it is given."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        net = PictureDenoiser(PictureDenoiserConfig(widths=(8, 8), embedding=8), 128)
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.2)
    path = tmp_path_factory.mktemp("painter") / "painter.safetensors"
    export_denoiser(path, open_weights(tiny_weights), net)
    return CodecModel.load(path, device="cpu")
