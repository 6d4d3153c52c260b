"""Streams of the first codebooks alone: encoded, decoded, transcoded; other numbers of groups are refused."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bcdcodec import transcode
from bcdcodec.bitstream.packet import MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import CodingMode
from bcdcodec.bitstream.stream import StreamReader, StreamWriter
from bcdcodec.codec.decode.decoder import DecodedFrame, Decoder
from bcdcodec.codec.encode.encoder import Encoder
from bcdcodec.codec.encode.plan import EncodePlan
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import BitstreamError, ConfigError
from bcdcodec.frame import Frame

MakeFrames = Callable[[int], list[Frame]]


def coded(model: CodecModel, frames: list[Frame], groups: int | None, mode: CodingMode) -> tuple[Encoder, list[Packet]]:
    encoder = Encoder(model, EncodeSettings(bitrate=None, mode=mode, groups=groups))
    return encoder, [packet for frame in frames for packet in encoder.push(frame)] + encoder.flush()


def decoded(model: CodecModel, encoder: Encoder, packets: list[Packet]) -> list[DecodedFrame]:
    decoder = Decoder(model, encoder.header)
    return [frame for packet in packets for frame in decoder.push(packet)] + decoder.flush()


def codes_of(model: CodecModel, encoder: Encoder, packets: list[Packet]) -> np.ndarray:
    coding = encoder.header.coding
    motions = [record for packet in packets if isinstance(record := packet.record(), MotionPayload)]
    coder = model.coder(coding.mode, coding.groups)
    return np.concatenate([coder.decode(motion.codes, motion.frames) for motion in motions])


@pytest.mark.parametrize("mode", [CodingMode.PACKED, CodingMode.CODED])
def test_the_first_codes_are_those_of_all(model: CodecModel, make_frames: MakeFrames, mode: CodingMode) -> None:
    whole, half = (coded(model, make_frames(9), groups, mode) for groups in (None, 16))
    assert whole[0].header.coding.groups == 32 and half[0].header.coding.groups == 16
    all_codes, first = codes_of(model, *whole), codes_of(model, *half)
    assert first.shape == (9, 16) and np.array_equal(first, all_codes[:, :16])
    assert sum(packet.size for packet in half[1]) < 0.8 * sum(packet.size for packet in whole[1])


def test_what_is_not_said_does_not_move(model: CodecModel, make_frames: MakeFrames) -> None:
    encoder, packets = coded(model, make_frames(6), 8, CodingMode.PACKED)
    codes = torch.from_numpy(codes_of(model, encoder, packets).astype(np.int64))[None]
    quantizer = model.bcd.quantizer
    m_hat = quantizer.lookup(codes)
    known = 8 * quantizer.config.dims
    assert m_hat.shape == (1, 6, 32 * quantizer.config.dims) and not m_hat[..., known:].any()
    full = torch.cat([codes, codes.new_zeros(1, 6, 24)], -1)
    assert torch.equal(m_hat[..., :known], quantizer.lookup(full)[..., :known])
    frames = decoded(model, encoder, packets)
    assert [frame.index for frame in frames] == list(range(6))
    whole = decoded(model, *coded(model, make_frames(6), None, CodingMode.PACKED))
    assert any(not np.array_equal(a.pixels, b.pixels) for a, b in zip(frames, whole, strict=True))


def test_a_file_keeps_to_its_bitrate_with_fewer_codes(model: CodecModel, make_frames: MakeFrames) -> None:
    settings = EncodeSettings(bitrate=6000, groups=8)
    encoder = Encoder(model, settings, replace(EncodePlan.of_settings(model, settings), duration_s=10.0))
    packets = [packet for frame in make_frames(40) for packet in encoder.push(frame)] + encoder.flush()
    assert encoder.header.coding.groups == 8 and len(decoded(model, encoder, packets)) == 40
    motion = sum(8 * packet.size for packet in packets if packet.kind == PacketKind.MOTION)
    assert 0 < motion < 6000 * 10 - 8 * len(encoder.header.pack())


@pytest.mark.parametrize("groups", [5, 33, 64])
def test_other_numbers_are_refused(model: CodecModel, make_frames: MakeFrames, groups: int) -> None:
    with pytest.raises(ConfigError, match=f"groups is {groups}, the weights allow 8, 16, 32"):
        Encoder(model, EncodeSettings(groups=groups))
    header = coded(model, make_frames(4), None, CodingMode.PACKED)[0].header
    other = replace(header, coding=replace(header.coding, groups=groups))
    with pytest.raises(BitstreamError, match="its model needs"):
        Decoder(model, other)


@pytest.fixture
def stream(model: CodecModel, make_frames: MakeFrames, weights_folder: Path, tmp_path: Path) -> Path:
    encoder, packets = coded(model, make_frames(9), None, CodingMode.CODED)
    path = tmp_path / "whole.bcd"
    with path.open("wb") as file:
        writer = StreamWriter(file)
        writer.write_header(encoder.header)
        for packet in packets:
            writer.write(packet)
        writer.finish()
    return path


def shown(model: CodecModel, path: Path) -> list[bytes]:
    reader = StreamReader(io.BytesIO(path.read_bytes()))
    decoder = Decoder(model, reader.header)
    return [frame.pixels.tobytes() for packet in reader for frame in decoder.push(packet)] + [
        frame.pixels.tobytes() for frame in decoder.flush()
    ]


def test_codes_are_left_out_without_encoding_again(model: CodecModel, make_frames: MakeFrames, stream: Path) -> None:
    fewer = stream.with_name("fewer.bcd")
    result = transcode(stream, fewer, groups=8)
    assert result.after.header.coding.groups == 8
    assert result.after.stats.motion_bits < 0.5 * result.before.stats.motion_bits
    encoder, packets = coded(model, make_frames(9), 8, CodingMode.CODED)
    assert shown(model, fewer) == [frame.pixels.tobytes() for frame in decoded(model, encoder, packets)]
    for groups in (16, 8, 5):  # of a stream that has eight, none of these is less
        with pytest.raises(ConfigError, match=f"groups is {groups}; of the 8 codes a frame of this stream none"):
            transcode(fewer, stream.with_name("again.bcd"), groups=groups)
    with pytest.raises(ConfigError, match="groups is 5; of the 32 codes a frame of this stream 8, 16 may be kept"):
        transcode(stream, stream.with_name("again.bcd"), groups=5)
