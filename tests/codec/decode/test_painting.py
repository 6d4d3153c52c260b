"""Models that denoise pictures: every frame by itself, so far towards its denoised picture as the sampler says."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import Packet
from bcdcodec.codec.decode.decoder import Decoder
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import PictureDenoiserConfig, SamplingConfig
from bcdcodec.denoiser.export import export_denoiser, painting
from bcdcodec.errors import ConfigError
from bcdcodec.frame import Frame
from bcdcodec.model.unet import PictureDenoiser
from bcdcodec.weightfile import open_weights

Stream = tuple[StreamHeader, list[Packet]]
#: Batches of other sizes sum in another order.
TOLERANCE = 1


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def stream(
    painter: CodecModel, make_frames: Callable[[int], list[Frame]], encode_frames: Callable[..., Stream]
) -> Stream:
    return encode_frames(painter, make_frames(21))


def decode(model: CodecModel, stream: Stream, sampling: SamplingConfig | None = None, **settings: int) -> np.ndarray:
    header, packets = stream
    decoder = Decoder(model, header, DecodeSettings(sampling=sampling, **settings))
    frames = [frame for packet in packets for frame in decoder.push(packet)] + decoder.flush()
    assert [frame.index for frame in frames] == list(range(21))
    return np.stack([frame.pixels for frame in frames]).astype(int)


def test_half_of_the_way(painter: CodecModel, stream: Stream) -> None:
    """Between the warp and the whole way, neither of which it is."""
    half = decode(painter, stream, replace(painting(1), sigma_end=0.5))
    warp = decode(painter, stream, replace(painting(1), steps=0))
    whole = decode(painter, stream, replace(painting(1), sigma_end=0.0))
    assert np.abs(whole - warp).mean() > 3
    inside = (whole > 5) & (whole < 250) & (warp > 5) & (warp < 250)  # not clipped
    assert np.abs(2 * half - warp - whole)[inside].max() <= 2


def test_frames_are_the_same_in_batches(painter: CodecModel, stream: Stream) -> None:
    batched = decode(painter, stream, batch_segments=8)
    assert np.abs(batched - decode(painter, stream)).max() <= TOLERANCE


def test_the_seed_counts_only_with_noise(painter: CodecModel, stream: Stream) -> None:
    plain = [decode(painter, stream, seed=seed) for seed in (1, 2)]
    assert np.array_equal(*plain)
    noisy = replace(painting(1), steps=2, noise=1.0, sigma_end=0.0)
    assert not np.array_equal(*(decode(painter, stream, noisy, seed=seed) for seed in (1, 2)))


def test_guidance_is_refused(painter: CodecModel, stream: Stream) -> None:
    with pytest.raises(ConfigError, match=r"without guidance \(1\), asked for is guidance 1.5"):
        Decoder(painter, stream[0], DecodeSettings(sampling=replace(painting(1), guidance=1.5)))
