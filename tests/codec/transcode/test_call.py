"""Streams of calls, stored and transcoded."""

import io
from pathlib import Path

import numpy as np

from bcdcodec import Decoder, Encoder, EncodeSettings, Frame, StreamReader, StreamWriter, transcode
from bcdcodec.bitstream.packet import MotionPayload, PacketKind
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.frame import CropBox

WARPS = SamplingConfig(steps=0, guidance=1.0)


def test_a_stored_call_is_a_stream_like_any_other(model: CodecModel, weights_folder: Path, tmp_path: Path) -> None:
    """Its pictures, also those after a blank one, are those of the frames; half of the codes are left out."""
    rng = np.random.default_rng(5)
    encoder = Encoder(model, EncodeSettings.live(bitrate=32_000))
    file, packets = io.BytesIO(), []
    for index in range(24):
        packets += encoder.new_shot() if index == 12 else []
        pixels = np.kron(rng.integers(0, 256, (6, 6, 3)), np.ones((16, 16, 1))).astype(np.uint8)
        packets += encoder.push(Frame(pixels=pixels, index=index), box=CropBox(x=index // 12, y=0, size=90))
    writer = StreamWriter(file)
    writer.write_header(encoder.header)
    for packet in packets:
        writer.write(packet)
    writer.finish()
    source, target = tmp_path / "call.bcd", tmp_path / "smaller.bcd"
    source.write_bytes(file.getvalue())
    transcode(source, target, groups=16)
    with target.open("rb") as stored:
        stream = StreamReader(stored)
        assert stream.header.call and stream.header.coding.groups == 16
        decoder = Decoder(model, stream.header, DecodeSettings(sampling=WARPS))
        found = list(stream)
        frames = [frame for packet in found for frame in decoder.push(packet)]
    ticks = [packet.timestamp for packet in packets if packet.kind == PacketKind.MOTION]
    assert [frame.index for frame in frames] == ticks and len(ticks) > 18
    named = [MotionPayload.unpack(packet.payload).reference for packet in found if packet.kind == PacketKind.MOTION]
    assert sorted(set(named)) == [0, 1] and [frame.box.x for frame in frames] == [tick // 12 for tick in ticks]
