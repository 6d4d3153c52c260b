"""Several streams of one model: side by side in batches, and each in a thread of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
import torch

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import Packet
from bcdcodec.codec.decode.decoder import DecodedFrame, Decoder
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.decode.together import decode_together
from bcdcodec.codec.encode.encoder import Encoder
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.frame import Frame

MakeFrames = Callable[[int], list[Frame]]
Stream = tuple[StreamHeader, list[Packet]]
#: 8-bit levels by which a batch of another size may differ: its sums are in another order.
BATCH_TOLERANCE = 1
COUNT = 6


@pytest.fixture(scope="module")
def streams(painter: CodecModel, make_frames: MakeFrames) -> list[Stream]:
    """Calls of different pictures, seeds and frames a packet."""
    return [call(painter, make_frames(3 * COUNT)[first : first + COUNT], seed) for seed, first in enumerate((0, 5, 11))]


def call(model: CodecModel, frames: list[Frame], seed: int) -> Stream:
    settings = EncodeSettings.live(bitrate=20_000, packet_frames=1 + seed % 2)
    encoder = Encoder(model, settings)
    packets = [
        packet
        for index, frame in enumerate(frames)
        for packet in encoder.push(Frame(pixels=np.roll(frame.pixels, 9 * seed, 0), index=index))
    ]
    packets += encoder.flush()
    return encoder.header, packets


def alone(decoder: Decoder, packets: list[Packet]) -> list[DecodedFrame]:
    return [frame for packet in packets for frame in decoder.push(packet)] + decoder.flush()


def side_by_side(decoders: list[Decoder], streams: list[Stream]) -> list[list[DecodedFrame]]:
    """Frames of each, decoded whenever every stream has given a packet."""
    found: list[list[DecodedFrame]] = [[] for _ in decoders]
    for step in range(max(len(packets) for _, packets in streams)):
        for decoder, (_, packets) in zip(decoders, streams, strict=True):
            if step < len(packets):
                decoder.add(packets[step])
        for frames, new in zip(found, decode_together(decoders), strict=True):
            frames += new
    return found


def assert_same(found: list[DecodedFrame], expected: list[DecodedFrame], tolerance: int) -> None:
    assert [frame.index for frame in found] == [frame.index for frame in expected] == list(range(COUNT))
    for one, other in zip(found, expected, strict=True):
        assert np.abs(one.pixels.astype(int) - other.pixels).max() <= tolerance


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_frames_of_a_batch_are_those_of_each_alone(
    painter: CodecModel, streams: list[Stream], steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampling = SamplingConfig(steps=steps, guidance=1.0, noise=0.5)
    settings = [DecodeSettings(sampling=sampling, seed=seed) for seed in range(3)]
    expected = [
        alone(Decoder(painter, header, one), packets) for one, (header, packets) in zip(settings, streams, strict=True)
    ]
    sizes: list[int] = []
    flow = type(painter.bcd).flow

    def counted(bcd: object, content: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        sizes.append(len(content))
        return flow(bcd, content, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(type(painter.bcd), "flow", counted)
    decoders = [Decoder(painter, header, one) for one, (header, _) in zip(settings, streams, strict=True)]
    for found, wanted in zip(side_by_side(decoders, streams), expected, strict=True):
        assert_same(found, wanted, BATCH_TOLERANCE)
    assert max(sizes) >= 2  # they did share batches
    if steps:
        assert not np.array_equal(expected[0][3].pixels, expected[2][3].pixels)


def test_decoders_of_other_settings_and_models_are_decoded_apart(
    painter: CodecModel, model: CodecModel, streams: list[Stream], make_frames: MakeFrames
) -> None:
    warped = DecodeSettings(sampling=SamplingConfig(steps=0, guidance=1.0))
    mixed = [streams[0], streams[0], call(model, make_frames(COUNT), 0)]

    def decoders() -> list[Decoder]:
        header, other = mixed[0][0], mixed[2][0]
        return [Decoder(painter, header), Decoder(painter, header, warped), Decoder(model, other)]

    expected = [alone(decoder, packets) for decoder, (_, packets) in zip(decoders(), mixed, strict=True)]
    for found, wanted in zip(side_by_side(decoders(), mixed), expected, strict=True):
        assert_same(found, wanted, 0)
    assert not np.array_equal(expected[0][3].pixels, expected[1][3].pixels)


def test_decoders_of_one_model_work_in_threads(painter: CodecModel, streams: list[Stream]) -> None:
    expected = [alone(Decoder(painter, header), packets) for header, packets in streams]
    together = Barrier(2 * len(streams))

    def decode(stream: Stream) -> list[DecodedFrame]:
        decoder = Decoder(painter, stream[0])
        together.wait(timeout=60)
        return alone(decoder, stream[1])

    with ThreadPoolExecutor(2 * len(streams)) as pool:
        decoded = list(pool.map(decode, 2 * streams))
    for found, wanted in zip(decoded, 2 * expected, strict=True):
        assert_same(found, wanted, 0)


def test_encoders_of_one_model_work_in_threads(painter: CodecModel, make_frames: MakeFrames) -> None:
    frames = make_frames(COUNT)
    expected = [call(painter, frames, seed) for seed in range(3)]
    together = Barrier(3)

    def encode(seed: int) -> Stream:
        together.wait(timeout=60)
        return call(painter, frames, seed)

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(encode, range(3))) == expected


def test_frames_wait_as_codes(painter: CodecModel, streams: list[Stream]) -> None:
    header, packets = streams[0]
    decoder = Decoder(painter, header)
    for packet in packets:
        decoder.add(packet)
    assert decoder.waiting_frames == COUNT
    assert_same(decoder.decode_waiting(), alone(Decoder(painter, header), packets), 0)
    assert decoder.waiting_frames == 0
    assert decoder.decode_waiting() == decode_together([decoder])[0] == []


def test_one_window_after_the_other_gives_the_same_frames(painter: CodecModel, streams: list[Stream]) -> None:
    header, packets = streams[1]
    decoder = Decoder(painter, header)
    for packet in packets:
        decoder.add(packet)
    found: list[DecodedFrame] = []
    while (index := decoder.next_index) is not None:
        ((frame,),) = decode_together([decoder], one_window=True)
        assert frame.index == index
        found.append(frame)
    assert_same(found, alone(Decoder(painter, header), packets), 0)


def test_frames_that_are_skipped_change_no_others(painter: CodecModel, streams: list[Stream]) -> None:
    header, packets = streams[1]
    decoder = Decoder(painter, header)
    for packet in packets:
        decoder.add(packet)
    decoder.skip(3)
    assert decoder.next_index == 3
    for one, other in zip(decoder.flush(), alone(Decoder(painter, header), packets)[3:], strict=True):
        assert one.index == other.index
        assert np.array_equal(one.pixels, other.pixels)


def test_frames_with_context_are_not_skipped(model: CodecModel, make_frames: MakeFrames) -> None:
    encoder = Encoder(model, EncodeSettings())
    packets = [packet for frame in make_frames(COUNT) for packet in encoder.push(frame)] + encoder.flush()
    decoder = Decoder(model, encoder.header)
    for packet in packets:
        decoder.add(packet)
    decoder.skip(3)
    assert_same(decoder.flush(), alone(Decoder(model, encoder.header), packets), 0)
