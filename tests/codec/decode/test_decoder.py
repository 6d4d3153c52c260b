"""Packets to frames: chunking, chains, context, refusal."""

import io
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import Packet
from bcdcodec.bitstream.stream import StreamReader, StreamWriter
from bcdcodec.codec.content import content_of_record
from bcdcodec.codec.decode import windows
from bcdcodec.codec.decode.decoder import DecodedFrame, Decoder
from bcdcodec.codec.decode.segment import Segment
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.errors import BitstreamError, ConfigError
from bcdcodec.frame import CropBox, Frame
from bcdcodec.model.content import Content
from bcdcodec.model.vae import to_uint8
from bcdcodec.model.warp import WarpedReference

MakeFrames = Callable[[int], list[Frame]]
EncodeFrames = Callable[..., tuple[StreamHeader, list[Packet]]]

#: Pixels may differ by this many levels when windows share a batch: float sums in another order.
BATCH_TOLERANCE = 2


def decode(decoder: Decoder, packets: list[Packet]) -> list[DecodedFrame]:
    return [frame for packet in packets for frame in decoder.push(packet)] + decoder.flush()


def test_frames_come_out_in_order_and_at_once(
    model: CodecModel, make_frames: MakeFrames, encode_frames: EncodeFrames
) -> None:
    header, packets = encode_frames(model, make_frames(21))
    decoder = Decoder(model, header)
    counts = [len(decoder.push(packet)) for packet in packets]
    assert counts == [8, 8, 5] and decoder.flush() == []
    frames = decode(Decoder(model, header), packets)
    assert [frame.index for frame in frames] == list(range(21))
    assert all(frame.pixels.shape == (256, 256, 3) for frame in frames)


def test_decoding_twice_gives_the_same_pixels(
    model: CodecModel, make_frames: MakeFrames, encode_frames: EncodeFrames
) -> None:
    header, packets = encode_frames(model, make_frames(12))
    first, second = (decode(Decoder(model, header), packets) for _ in range(2))
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(first, second, strict=True))


def test_the_seed_is_part_of_the_stream(
    model: CodecModel, make_frames: MakeFrames, encode_frames: EncodeFrames
) -> None:
    one, packets = encode_frames(model, make_frames(4), EncodeSettings(seed=1))
    two, _ = encode_frames(model, make_frames(4), EncodeSettings(seed=2))
    a, b, c = (
        decode(d, packets)[0].pixels
        for d in (Decoder(model, one), Decoder(model, two), Decoder(model, two, DecodeSettings(seed=1)))
    )
    assert not np.array_equal(a, b) and np.array_equal(a, c)


def test_without_the_denoiser_the_warped_references_are_shown(
    model: CodecModel, make_frames: MakeFrames, encode_frames: EncodeFrames, monkeypatch: pytest.MonkeyPatch
) -> None:
    header, packets = encode_frames(model, make_frames(21), EncodeSettings(key_interval_s=0.8, bitrate=None))
    expected: list[torch.Tensor] = []

    def seen(latents: torch.Tensor, reference: WarpedReference, vae: object) -> torch.Tensor:
        assert reference.pictures is not None
        expected.extend(to_uint8(reference.pictures))
        return reference.pictures

    monkeypatch.setattr(windows, "reconstruct", seen)
    whole = decode(Decoder(model, header), packets)
    warped = SamplingConfig(steps=0, guidance=1.0)
    bare = decode(Decoder(model, header, DecodeSettings(sampling=warped)), packets)
    parallel = decode(Decoder(model, header, DecodeSettings(sampling=warped, batch_segments=3)), packets)
    assert len(bare) == len(expected) == 21
    assert [frame.index for frame in bare] == [frame.index for frame in whole]
    for found, again, picture in zip(bare, parallel, expected, strict=True):
        assert np.array_equal(found.pixels, again.pixels)
        # Context frames make batches of another size, and sums in another order.
        assert np.abs(found.pixels.astype(int) - picture.permute(1, 2, 0).numpy()).max() <= BATCH_TOLERANCE


def test_a_model_without_a_warper_has_nothing_but_the_denoiser() -> None:
    model = CodecModel.load("sprites-tiny", device="cpu")
    header = SimpleNamespace(model_id=model.weights.model_id, check_model=lambda config: None)
    with pytest.raises(ConfigError, match="sprites-tiny has no warper"):
        Decoder(model, header, DecodeSettings(sampling=SamplingConfig(steps=0, guidance=1.0)))  # type: ignore[arg-type]


@pytest.mark.parametrize("parallel", [2, 3, 16])
def test_parallel_chains_give_the_same_frames(
    model: CodecModel, make_frames: MakeFrames, parallel: int, encode_frames: EncodeFrames
) -> None:
    settings = EncodeSettings(key_interval_s=1.2, bitrate=None)
    header, packets = encode_frames(model, make_frames(53), settings)
    alone = decode(Decoder(model, header), packets)
    together = decode(Decoder(model, header, DecodeSettings(batch_segments=parallel)), packets)
    assert [f.index for f in together] == [f.index for f in alone] == list(range(53))
    for a, b in zip(alone, together, strict=True):
        assert np.abs(a.pixels.astype(int) - b.pixels.astype(int)).max() <= BATCH_TOLERANCE


def test_a_chain_needs_nothing_from_before_its_key(
    model: CodecModel, make_frames: MakeFrames, encode_frames: EncodeFrames
) -> None:
    header, packets = encode_frames(model, make_frames(48), EncodeSettings(key_interval_s=1.5, bitrate=None))
    whole = decode(Decoder(model, header), packets)
    tail = decode(Decoder(model, header), packets[3:])
    assert tail[0].index == 24
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(whole[24:], tail, strict=True))


def test_context_reaches_into_the_next_window(
    model: CodecModel, make_frames: MakeFrames, encode_frames: EncodeFrames
) -> None:
    header, packets = encode_frames(model, make_frames(16), EncodeSettings(bitrate=None))
    with_context = decode(Decoder(model, header), packets)
    coding = replace(header.coding, window_frames=header.coding.window_frames - 1, context_frames=0)
    without = decode(Decoder(model, replace(header, coding=coding)), packets)
    assert np.array_equal(with_context[0].pixels, without[0].pixels)
    assert not np.array_equal(with_context[8].pixels, without[8].pixels)


def test_through_a_file_nothing_changes(
    model: CodecModel, make_frames: MakeFrames, encode_frames: EncodeFrames
) -> None:
    header, packets = encode_frames(model, make_frames(10))
    file = io.BytesIO()
    writer = StreamWriter(file)
    writer.write_header(header)
    for packet in packets:
        writer.write(packet)
    writer.finish()
    file.seek(0)
    reader = StreamReader(file)
    direct, read = decode(Decoder(model, header), packets), decode(Decoder(model, reader.header), list(reader))
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(direct, read, strict=True))


def test_replaced_content_changes_every_frame(
    model: CodecModel, make_frames: MakeFrames, encode_frames: EncodeFrames
) -> None:
    header, packets = encode_frames(model, make_frames(8))
    own = content_of_record(model, header.content)
    assert own.map.shape == model.latent_shape and own.picture is not None
    darker = Content(own.map, own.picture * 0.5)
    same, other = (decode(Decoder(model, header, DecodeSettings(content=c)), packets) for c in (own, darker))
    plain = decode(Decoder(model, header), packets)
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(plain, same, strict=True))
    assert all(not np.array_equal(a.pixels, b.pixels) for a, b in zip(plain, other, strict=True))


def test_other_weights_are_refused_by_name(
    model: CodecModel, make_frames: MakeFrames, encode_frames: EncodeFrames
) -> None:
    header, _ = encode_frames(model, make_frames(4))
    with pytest.raises(ConfigError, match="00000000"):
        Decoder(model, replace(header, model_id=bytes(16)))
    with pytest.raises(BitstreamError, match="its model needs"):
        Decoder(model, replace(header, coding=replace(header.coding, groups=5)))


def test_damaged_content_is_refused(model: CodecModel, make_frames: MakeFrames, encode_frames: EncodeFrames) -> None:
    header, _ = encode_frames(model, make_frames(4))
    with pytest.raises(BitstreamError):
        Decoder(model, replace(header, content=replace(header.content, data=header.content.data + bytes(9))))


def test_gradients_are_off(model: CodecModel) -> None:
    assert not any(p.requires_grad for p in model.bcd.parameters())
    assert not model.bcd.training and torch.is_grad_enabled()


def test_frames_between_coded_ones_are_painted(
    model: CodecModel, make_frames: Callable[[int], list[Frame]], encode_frames: EncodeFrames
) -> None:
    """Half the frames in the stream, all of them on the screen, whatever packets they came in."""
    half = model.frame_rate / 2
    settings = EncodeSettings(frame_rate=half, bitrate=None)
    header, packets = encode_frames(model, make_frames(20), settings)
    decoder = Decoder(model, header)
    assert decoder.frame_multiplier == 2
    frames = [frame for packet in packets for frame in decoder.push(packet)]
    frames += decoder.flush()
    assert [frame.index for frame in frames] == list(range(2 * 20 - 1))
    plain = Decoder(model, header, DecodeSettings(frame_multiplier=1))
    coded = [frame for packet in packets for frame in plain.push(packet)]
    assert [frame.index for frame in coded] == list(range(20))
    # The first window is another one, but its first frame shows the same.
    assert np.abs(frames[0].pixels.astype(int) - coded[0].pixels.astype(int)).mean() < 8


def test_motion_between_is_between(model: CodecModel) -> None:
    motion = np.array([[0.0, 0.0], [4.0, 8.0], [4.0, 0.0]], np.float32)
    content = Content(torch.zeros(model.latent_shape), None)
    chain = Segment(content, CropBox(x=0, y=0, size=8), 5, motion[:2], frame_multiplier=4)
    chain.append(motion[2:])
    assert chain.index == 20 and chain.next_tick == 8
    expected = [[0, 0], [1, 2], [2, 4], [3, 6], [4, 8], [4, 6], [4, 4], [4, 2], [4, 0]]
    assert np.allclose(chain.motion, expected)


def test_pace_is_bounded(
    model: CodecModel, encode_frames: EncodeFrames, make_frames: Callable[[int], list[Frame]]
) -> None:
    header, _ = encode_frames(model, make_frames(4))
    with pytest.raises(ConfigError, match="allowed are 1 to 8"):
        Decoder(model, header, DecodeSettings(frame_multiplier=9))
