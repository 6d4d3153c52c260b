"""A short stream with every kind of section and packet."""

import io
from collections.abc import Callable

import pytest
from hypothesis import settings

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import AudioPayload, MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import (
    AudioCodec,
    AudioInfo,
    CodingInfo,
    CodingMode,
    ContentCoding,
    ContentRecord,
    VideoInfo,
)
from bcdcodec.bitstream.stream import StreamWriter

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def header() -> StreamHeader:
    return StreamHeader(
        model_id=bytes(range(16)),
        video=VideoInfo(width=640, height=480, model_pixels=256, rate_num=25, rate_den=2, cropped=True),
        coding=CodingInfo(
            mode=CodingMode.PACKED, groups=4, bits_per_code=5, seed=7, window_frames=16, context_frames=4
        ),
        content=ContentRecord(x=-8, y=24, size=300, coding=ContentCoding.PICTURE, data=b"\x0a\x0b\x0c"),
        audio=AudioInfo(
            codec=AudioCodec.OPUS, channels=1, sample_rate=48000, pre_skip=312, bitrate=8000, frame_ticks=1
        ),
        metadata={"title": "é"},
        plate=b"\xff\xd8",
        unknown=((200, b"later"),),
    )


@pytest.fixture
def packets(header: StreamHeader) -> list[Packet]:
    """Two shots of two frames each, with sound and a packet of a later version."""
    return [
        Packet(PacketKind.MOTION, 0, 0, MotionPayload(2, True, b"\x08\x86\x4f\x82\x08").pack()),
        Packet(PacketKind.AUDIO, 1, 0, AudioPayload((b"\x01", b"\x02\x03")).pack()),
        Packet(PacketKind.CONTENT, 2, 2, header.content.pack()),
        Packet(77, 3, 0, b"??"),
        Packet(PacketKind.MOTION, 4, 2, MotionPayload(1, True, b"\x08\x86\x40").pack()),
        Packet(PacketKind.MOTION, 5, 3, MotionPayload(1, False, b"\x08\x86\x40").pack()),
    ]


@pytest.fixture
def write(header: StreamHeader) -> Callable[..., bytes]:
    """Packets -> the bytes of a finished stream."""

    def write_stream(packets: list[Packet], *, header: StreamHeader = header) -> bytes:
        file = io.BytesIO()
        writer = StreamWriter(file)
        writer.write_header(header)
        for packet in packets:
            writer.write(packet)
        writer.finish()
        return file.getvalue()

    return write_stream


@pytest.fixture
def stream(packets: list[Packet], write: Callable[..., bytes]) -> bytes:
    return write(packets)
