"""Calls of the tiny model: a sender and a receiver on one clock."""

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pytest

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import ContentPart, MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import CodingInfo, CodingMode, ContentCoding, ContentRecord, VideoInfo
from bcdcodec.codec.decode.decoder import DecodedFrame
from bcdcodec.frame import CropBox, Frame
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
    """An encoder of packets of so many frames. Its pictures are bytes; new ones on request, in two parts."""

    frame_rate = RATE

    def __init__(self, first: bytes = b"first", *, packet_frames: int = 1) -> None:
        self.header, self._packet_frames = header(first), packet_frames
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
        frames = self._packet_frames if pushed.index else 1
        if pushed.index % self._packet_frames:
            return packets
        motion = MotionPayload(frames, pushed.index == 0, bytes([pushed.index & 0xFF]) * 12 * frames, self._number)
        return [*packets, self._packet(PacketKind.MOTION, pushed.index - frames + 1, motion.pack())]

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


class FakeDecoder:
    """Pictures whose first pixel is the first byte of the codes, and whose second is that of the reference."""

    frame_multiplier = 1

    def __init__(self, model: object, header: StreamHeader, settings: object) -> None:
        self.header, self.end, self.sequence, self.lost, self.made = header, 0, 0, 0, 0
        self.content, self.given, self.waiting = header.content.data, list[str](), list[DecodedFrame]()

    def add(self, packet: Packet) -> None:
        self.lost += packet.sequence - self.sequence
        self.sequence = packet.sequence + 1
        record = packet.record()
        if isinstance(record, ContentRecord):
            self.content = record.data
            self.given.append(f"content {record.number}")
            return
        assert isinstance(record, MotionPayload)
        assert packet.kind == PacketKind.MOTION
        self.given.append(f"motion {packet.timestamp}")
        self.end = packet.timestamp + record.frames
        ticks = range(packet.timestamp, self.end)
        self.waiting += [self._frame(tick, record.codes[0], concealed=False) for tick in ticks]

    @property
    def waiting_frames(self) -> int:
        return len(self.waiting)

    def decode_waiting(self) -> list[DecodedFrame]:
        frames, self.waiting = self.waiting, []
        self.made += len(frames)
        return frames

    @property
    def next_index(self) -> int | None:
        return self.waiting[0].index if self.waiting else None

    def skip(self, until: int) -> None:
        self.waiting = [frame for frame in self.waiting if frame.index >= until]

    def decode_next(self) -> list[DecodedFrame]:
        frames, self.waiting = self.waiting[:1], self.waiting[1:]
        self.made += len(frames)
        return frames

    def add_concealed(self, until: int) -> None:
        self.waiting += [self._frame(tick, 255, concealed=True) for tick in range(self.end, until)]
        self.end = max(self.end, until)

    def _frame(self, tick: int, value: int, *, concealed: bool) -> DecodedFrame:
        pixels = np.zeros((2, 2, 3), np.uint8)
        pixels[0, 0, :2] = value, self.content[0]
        return DecodedFrame(pixels=pixels, index=tick, box=CropBox(x=0, y=0, size=0), concealed=concealed)


def fake_decoders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let painters have `FakeDecoder`s."""

    def next_of_each(decoders: Sequence[FakeDecoder], *, one_window: bool) -> list[list[DecodedFrame]]:
        assert one_window
        return [decoder.decode_next() for decoder in decoders]

    monkeypatch.setattr("bcdcodec.call.painter.Decoder", FakeDecoder)
    monkeypatch.setattr("bcdcodec.call.painter.decode_together", next_of_each)
