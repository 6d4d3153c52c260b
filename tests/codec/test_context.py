"""Mode context from frames to frames: the choice of the mode, budgets, loss of packets, weights without a model."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import MotionPayload, Packet
from bcdcodec.bitstream.records import CodingMode
from bcdcodec.codec.decode.decoder import Decoder
from bcdcodec.codec.encode.encoder import Encoder
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.entropy.context import decode_context
from bcdcodec.entropy.predictor import TENSORS, Predictor
from bcdcodec.entropy.static import decode_codes
from bcdcodec.errors import BitstreamError, ConfigError, RateError
from bcdcodec.frame import Frame

MakeFrames = Callable[[int], list[Frame]]
EncodeFrames = Callable[..., tuple[StreamHeader, list[Packet]]]
CONTEXT = EncodeSettings(mode=CodingMode.CONTEXT, bitrate=None)


def steady(groups: int, entries: int, bits: int) -> Predictor:
    """So many bits more probable that a code stays what it was; a little is added by what came before."""
    rng = np.random.default_rng(5)
    shapes = {
        "current": (groups, entries, 8),
        "previous": (groups, entries + 1, 8),
        "lag1": (groups, entries + 1, entries),
        "lag2": (groups, entries + 1, entries),
        "output": (groups, 8, entries),
    }
    tensors = {name: rng.integers(-3, 4, shape).astype(TENSORS[name][1]) for name, shape in shapes.items()}
    tensors["lag1"][:, :entries] += (1024 * bits * np.eye(entries)).astype(np.int16)
    return Predictor(**tensors)


@pytest.fixture
def steady_model(model: CodecModel) -> CodecModel:
    quantizer = model.config.quantizer
    return replace(model, predictor=steady(quantizer.groups, quantizer.entries, 4))


def test_both_modes_carry_the_same_codes_and_frames(
    steady_model: CodecModel, make_frames: MakeFrames, encode_frames: EncodeFrames
) -> None:
    coded = encode_frames(steady_model, make_frames(21), EncodeSettings(mode=CodingMode.CODED, bitrate=None))
    header, packets = encode_frames(steady_model, make_frames(21), CONTEXT)
    assert header.coding.mode is CodingMode.CONTEXT and header == replace(
        coded[0], coding=replace(coded[0].coding, mode=CodingMode.CONTEXT)
    )
    predictor = steady_model.predictor
    assert predictor is not None
    for old, new in zip(coded[1], packets, strict=True):
        before, after = MotionPayload.unpack(old.payload), MotionPayload.unpack(new.payload)
        codes = decode_codes(before.codes, before.frames, table=steady_model.tables.motion)
        assert (decode_context(after.codes, after.frames, predictor=predictor) == codes).all()
    shown = [
        [frame.pixels for packet in stream[1] for frame in Decoder(steady_model, stream[0]).push(packet)]
        for stream in (coded, (header, packets))
    ]
    assert all(np.array_equal(a, b) for a, b in zip(*shown, strict=True))


def test_every_packet_is_decoded_without_the_others(
    steady_model: CodecModel, make_frames: MakeFrames, encode_frames: EncodeFrames
) -> None:
    header, packets = encode_frames(steady_model, make_frames(29), CONTEXT)
    for lost in range(len(packets)):
        decoder = Decoder(steady_model, header)
        kept = packets[:lost] + packets[lost + 1 :]
        frames = [frame for packet in kept for frame in decoder.push(packet)] + decoder.flush()
        expected = [packet.timestamp + i for packet in kept for i in range(MotionPayload.unpack(packet.payload).frames)]
        assert [frame.index for frame in frames] == expected


def test_the_smaller_mode_is_chosen_and_named(
    steady_model: CodecModel, make_frames: MakeFrames, encode_frames: EncodeFrames
) -> None:
    still = [replace(make_frames(1)[0], index=index) for index in range(20)]
    header, packets = encode_frames(steady_model, still)
    assert header.coding.mode is CodingMode.CONTEXT
    table, _ = encode_frames(steady_model, still, EncodeSettings(mode=CodingMode.CODED))
    assert table.coding.mode is CodingMode.CODED
    groups, entries = steady_model.tables.motion.shape
    restless = replace(steady_model, predictor=steady(groups, entries, -12))
    header, packets = encode_frames(restless, still)
    assert header.coding.mode is CodingMode.CODED
    assert packets == encode_frames(restless, still, EncodeSettings(mode=CodingMode.CODED))[1]


@pytest.mark.parametrize("frames", [125, 200])
def test_the_budget_holds(
    steady_model: CodecModel, make_frames: MakeFrames, encode_frames: EncodeFrames, frames: int
) -> None:
    settings, duration_s = CONTEXT, frames / 12.5
    header, unlimited = encode_frames(steady_model, make_frames(frames), settings, duration_s)
    free_bits = 8 * (len(header.pack()) + sum(packet.size for packet in unlimited))
    motion_bits = 8 * sum(len(MotionPayload.unpack(packet.payload).codes) for packet in unlimited)
    target = (free_bits - 0.1 * motion_bits) / (frames / 12.5)
    header, packets = encode_frames(steady_model, make_frames(frames), replace(settings, bitrate=target), duration_s)
    assert 8 * (len(header.pack()) + sum(packet.size for packet in packets)) <= target * frames / 12.5
    with pytest.raises(RateError, match="is the least"):
        encode_frames(steady_model, make_frames(frames), replace(settings, bitrate=500), duration_s)


def test_weights_without_a_context_model(
    model: CodecModel, steady_model: CodecModel, make_frames: MakeFrames, encode_frames: EncodeFrames
) -> None:
    assert model.predictor is None
    with pytest.raises(ConfigError, match="has none"):
        Encoder(model, CONTEXT)
    header, _ = encode_frames(model, make_frames(9))
    assert header.coding.mode is CodingMode.CODED
    header, _ = encode_frames(steady_model, make_frames(9), CONTEXT)
    with pytest.raises(BitstreamError, match="context model"):
        Decoder(model, header)
