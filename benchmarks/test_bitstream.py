"""Speed of the container: a stream of 1,000 frames written to and read from memory."""

import io
from collections.abc import Callable
from typing import Any

import pytest

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
from bcdcodec.bitstream.stream import StreamReader, StreamWriter

#: The fixture of conftest.py.
Timed = Callable[[int, Callable[[], Any]], Any]
FRAMES, PACKET_FRAMES, FRAME_BYTES = 1000, 16, 20
#: 60 ms of sound at 6 kbps.
OPUS_BYTES = 45
HEADER = StreamHeader(
    model_id=bytes(16),
    video=VideoInfo(width=640, height=480, model_pixels=256, rate_num=25, rate_den=2, cropped=True),
    coding=CodingInfo(mode=CodingMode.CODED, groups=64, bits_per_code=5, seed=0, window_frames=10, context_frames=2),
    content=ContentRecord(x=0, y=0, size=480, coding=ContentCoding.PICTURE, data=bytes(1200)),
    audio=AudioInfo(codec=AudioCodec.OPUS, channels=1, sample_rate=48_000, pre_skip=312, bitrate=6000, frame_ticks=3),
)


@pytest.fixture(scope="module")
def packets() -> list[Packet]:
    """Motion and sound by turns."""
    found: list[Packet] = []
    for start in range(0, FRAMES, PACKET_FRAMES):
        frames = min(PACKET_FRAMES, FRAMES - start)
        motion = MotionPayload(frames, start % 128 == 0, bytes(range(FRAME_BYTES)) * frames)
        sound = AudioPayload((bytes(OPUS_BYTES),) * (frames * 4 // 3))
        found.append(Packet(PacketKind.AUDIO, len(found), 4 * start, sound.pack()))
        found.append(Packet(PacketKind.MOTION, len(found), start, motion.pack()))
    return found


def write(packets: list[Packet]) -> bytes:
    file = io.BytesIO()
    writer = StreamWriter(file)
    writer.write_header(HEADER)
    for packet in packets:
        writer.write(packet)
    writer.finish()
    return file.getvalue()


def test_write(timed: Timed, packets: list[Packet]) -> None:
    assert len(timed(FRAMES, lambda: write(packets))) > FRAMES * FRAME_BYTES


def test_read(timed: Timed, packets: list[Packet]) -> None:
    data = write(packets)
    assert timed(FRAMES, lambda: list(StreamReader(io.BytesIO(data)))) == packets
