"""Models that denoise pictures: every frame by itself, so far towards its denoised picture as the sampler says."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import Packet
from bcdcodec.codec.decode.decoder import Decoder
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.denoiser.export import painting
from bcdcodec.errors import ConfigError
from bcdcodec.frame import Frame

Stream = tuple[StreamHeader, list[Packet]]
#: Batches of other sizes sum in another order.
TOLERANCE = 1


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
    half = decode(painter, stream, replace(painting(), sigma_end=0.5))
    warp = decode(painter, stream, replace(painting(), steps=0))
    whole = decode(painter, stream, replace(painting(), sigma_end=0.0))
    assert np.abs(whole - warp).mean() > 3
    inside = (whole > 5) & (whole < 250) & (warp > 5) & (warp < 250)  # not clipped
    assert np.abs(2 * half - warp - whole)[inside].max() <= 2


def test_frames_are_the_same_in_batches(painter: CodecModel, stream: Stream) -> None:
    batched = decode(painter, stream, batch_segments=8)
    assert np.abs(batched - decode(painter, stream)).max() <= TOLERANCE


def test_the_seed_counts_only_with_noise(painter: CodecModel, stream: Stream) -> None:
    plain = [decode(painter, stream, seed=seed) for seed in (1, 2)]
    assert np.array_equal(*plain)
    noisy = replace(painting(), steps=2, noise=1.0, sigma_end=0.0)
    assert not np.array_equal(*(decode(painter, stream, noisy, seed=seed) for seed in (1, 2)))


def test_guidance_is_refused(painter: CodecModel, stream: Stream) -> None:
    with pytest.raises(ConfigError, match=r"without guidance \(1\), asked for is guidance 1.5"):
        Decoder(painter, stream[0], DecodeSettings(sampling=replace(painting(), guidance=1.5)))
