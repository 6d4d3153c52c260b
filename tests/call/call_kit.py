"""Calls of the tiny model: a sender and a receiver on one clock."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import ContentPart, MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import CodingInfo, CodingMode, ContentCoding, ContentRecord, VideoInfo
from bcdcodec.frame import Frame
from bcdcodec.video.audio import OpusPacket

RATE = Fraction(25, 2)
#: A second of a tone in Opus packets of 20 ms would do as well; the ends do not look into them.
SILENCE = bytes([0x08, 0x00])


def content(data: bytes, number: int = 0, parts: int = 0, drops: int = 0) -> ContentRecord:
    """A content record with some bytes in place of a picture."""
    return ContentRecord(
        x=0, y=0, size=0, coding=ContentCoding.PICTURE, data=data, number=number, parts=parts, drops=drops
    )


def header(data: bytes = b"first") -> StreamHeader:
    """A header of a stream of 32 codes a frame."""
    return StreamHeader(
        model_id=bytes(16),
        video=VideoInfo(width=64, height=64, model_pixels=256, rate_num=25, rate_den=2, cropped=False),
        coding=CodingInfo(
            mode=CodingMode.PACKED, groups=32, bits_per_code=3, seed=0, window_frames=1, context_frames=0
        ),
        content=content(data),
    )


def frame(index: int) -> Frame:
    """A small picture."""
    return Frame(pixels=np.zeros((8, 8, 3), np.uint8), index=index)


def sound(tick: int) -> OpusPacket:
    """An Opus packet of 20 ms."""
    return OpusPacket(tick=tick, data=SILENCE)


class ScriptedEncoder:
    """An encoder of one motion packet a frame, whose pictures are bytes; new ones on request, in two parts."""

    frame_rate = RATE

    def __init__(self, first: bytes = b"first") -> None:
        self.header = header(first)
        self.asked, self.bitrates = 0, list[float]()
        self._number = self._sequence = 0
        self._is_asked = False

    def push(self, pushed: Frame) -> list[Packet]:
        packets: list[Packet] = []
        if self._is_asked:
            self._is_asked, self._number = False, self._number + 1
            packets.append(self._packet(PacketKind.CONTENT_PART, pushed.index, ContentPart(0, b"a" * 50).pack()))
            record = content(b"b" * 50, number=self._number, parts=1)
            packets.append(self._packet(PacketKind.CONTENT, pushed.index, record.pack()))
        motion = MotionPayload(1, pushed.index == 0, bytes([pushed.index & 0xFF]) * 12, self._number)
        return [*packets, self._packet(PacketKind.MOTION, pushed.index, motion.pack())]

    def flush(self) -> list[Packet]:
        return []

    def request_reference(self) -> None:
        self.asked += 1
        self._is_asked = True

    def wait_for_references(self, is_there: Callable[[int], bool]) -> None:
        pass

    def set_bitrate(self, bitrate: float) -> None:
        self.bitrates.append(bitrate)

    def _packet(self, kind: PacketKind, tick: int, payload: bytes) -> Packet:
        self._sequence += 1
        return Packet(kind, self._sequence - 1, tick, payload)
