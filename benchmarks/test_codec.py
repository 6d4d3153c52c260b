"""Speed of the networks with the shipped weights: one window of the encoder, one packet of the decoder.

Skipped where the weights are not there. The numbers depend on how many threads torch takes (OMP_NUM_THREADS).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bcdcodec import CodecModel, Decoder, DecodeSettings, Encoder, EncodeSettings, Frame, WeightsError
from bcdcodec.bitstream.packet import MotionPayload, Packet, PacketKind
from bcdcodec.codec.decode.presets import preset_sampling

#: The fixture of conftest.py.
Timed = Callable[[int, Callable[[], Any]], Any]


@pytest.fixture(scope="module")
def model() -> CodecModel:
    try:
        return CodecModel.load()
    except WeightsError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def frames(model: CodecModel) -> list[Frame]:
    """A smooth texture that moves, as long as one packet."""
    side, count = model.config.pixels, model.config.window_frames * EncodeSettings().packet_windows
    texture = np.kron(np.random.default_rng(0).integers(0, 256, (8, 8, 3)), np.ones((side // 8, side // 8, 1)))
    pictures = [np.roll(texture, 3 * index, axis=1).astype(np.uint8) for index in range(count)]
    return [Frame(pixels=np.ascontiguousarray(picture), index=index) for index, picture in enumerate(pictures)]


def test_encode_window(timed: Timed, model: CodecModel, frames: list[Frame]) -> None:
    """Autoencoder, encoder and quantiser, without content and rate control."""
    window = np.stack([frame.pixels for frame in frames[: model.config.window_frames]])
    content = model.bcd.encoder.content(model.to_latents(window)[None])
    codes, _ = timed(len(window), lambda: model.bcd.analyze(model.to_latents(window)[None], content))
    assert codes.shape[:2] == (1, len(window))


@pytest.mark.parametrize("preset", ["fast", "standard"])
def test_decode_packet(timed: Timed, model: CodecModel, frames: list[Frame], preset: str) -> None:
    """One packet to pixels, in the middle of a chain."""
    encoder = Encoder(model, EncodeSettings(bitrate=None))
    packets = [packet for frame in frames for packet in encoder.push(frame)] + encoder.flush()
    (first,) = [packet for packet in packets if packet.kind == PacketKind.MOTION]
    decoder = Decoder(model, encoder.header, DecodeSettings(sampling=preset_sampling(model.config, preset)))
    decoder.push(first)
    motion = MotionPayload.unpack(first.payload)
    following = Packet(PacketKind.MOTION, 1, len(frames), MotionPayload(motion.frames, False, motion.codes).pack())
    assert len(timed(len(frames), lambda: decoder.push(following))) == len(frames)
