"""Tiny models, one of which denoises pictures as the shipped one does, frames with motion, and one shot encoded."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings
from stream_kit import GOLDEN

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import Packet
from bcdcodec.codec.encode.encoder import Encoder
from bcdcodec.codec.encode.plan import EncodePlan
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import PictureDenoiserConfig
from bcdcodec.denoiser.export import export_denoiser
from bcdcodec.frame import Frame
from bcdcodec.model.unet import PictureDenoiser
from bcdcodec.weightfile import open_weights

settings.register_profile("untimed", deadline=None)  # no test depends on the speed of the machine
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def model(tiny_weights: Path) -> CodecModel:
    return CodecModel.load(tiny_weights, device="cpu")


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


@pytest.fixture(scope="session")
def make_frames() -> Callable[[int], list[Frame]]:
    """n frames of a smooth texture that moves, 96x96."""
    rng = np.random.default_rng(3)
    texture = np.kron(rng.integers(0, 256, (12, 12, 3)), np.ones((8, 8, 1))).astype(np.uint8)

    def make(count: int) -> list[Frame]:
        return [Frame(pixels=np.ascontiguousarray(np.roll(texture, 3 * i, axis=i % 2)), index=i) for i in range(count)]

    return make


@pytest.fixture(scope="session")
def encode_frames() -> Callable[..., tuple[StreamHeader, list[Packet]]]:
    """(model, frames, settings, duration_s) -> header and all packets of one shot."""

    def encode(
        model: CodecModel,
        frames: list[Frame],
        settings: EncodeSettings | None = None,
        duration_s: float | None = None,
    ) -> tuple[StreamHeader, list[Packet]]:
        settings = settings or EncodeSettings()
        plan = replace(EncodePlan.of_settings(model, settings), duration_s=duration_s)
        encoder = Encoder(model, settings, plan)
        packets = [packet for frame in frames for packet in encoder.push(frame)]
        packets += encoder.flush()
        return encoder.header, packets

    return encode


@pytest.fixture(scope="module")
def golden_weights() -> Iterator[None]:
    """Streams find the golden weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BCD_WEIGHTS", str(GOLDEN))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a module's streams go; hypothesis asks for one that outlives a test."""
    return tmp_path_factory.mktemp("streams")
