"""Joining of MOTION packets into fewer, larger ones, and the order of all packets around them.

Packets are joined, frames are left out and times change; packets keep their order, and audio follows the frames that it
followed before.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import MAX_MOTION_FRAMES, MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import CodingMode
from bcdcodec.entropy.motion import MotionCoder
from bcdcodec.ratecontrol.frame_dropping import DecimatedRun, nearest_tick

#: Length of a joined packet in seconds, rounded up to whole windows: as much is lost with it where it is damaged.
PACKET_S = 5

Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class FrameRun:
    """Consecutive frames of one packet, before coding.

    tick: of the first frame. key: the decoder starts here. codes: int32 [n, groups]. reference: number of theirs.
    """

    tick: int
    key: bool
    codes: Codes
    reference: int
    _payloads: dict[CodingMode, bytes] = field(default_factory=dict)

    def packet(self, coder: MotionCoder) -> Packet:
        """The MOTION packet of the coder's groups, with sequence number 0; coded once per mode."""
        if coder.mode not in self._payloads:
            codes = coder.encode(self.codes[:, : coder.groups])
            self._payloads[coder.mode] = MotionPayload(len(self.codes), self.key, codes, self.reference).pack()
        return Packet(PacketKind.MOTION, 0, self.tick, self._payloads[coder.mode])


class Repacketizer:
    """Joins the frames from one key packet to the next into packets of `size` frames.

    window: frames that are denoised together, a divisor of `size`. Where a packet ends inside a window, that part is
    denoised alone, so the joined packet ends there too and pictures stay the same; 1 joins any packets.
    """

    def __init__(self, size: int, *, window: int) -> None:
        self._size, self._window = size, window
        self._tick = self._reference = 0
        self._key = False
        self._parts: list[Codes] = []
        self._pending = 0

    @property
    def has_pending(self) -> bool:
        """Whether frames wait for a packet to be filled."""
        return self._pending > 0

    def push(self, tick: int, key: bool, codes: Codes, reference: int) -> list[FrameRun]:
        """Append frames to those before, or start anew where they are key, as those of another reference are; returns
        the runs that are complete.

        Empty key codes make the next frames key.
        """
        done = []
        if key:
            done = self.flush()
            self._key, self._reference = True, reference
        if not self._pending:
            self._tick = tick
        self._parts.append(codes)
        self._pending += len(codes)
        while self._pending >= self._size:
            done.append(self._emit(self._size))
        return done + self.flush() if self._pending % self._window else done

    def flush(self) -> list[FrameRun]:
        """The pending frames, if any."""
        return [self._emit(self._pending)] if self._pending else []

    def _emit(self, count: int) -> FrameRun:
        codes = np.concatenate(self._parts)
        run = FrameRun(self._tick, self._key, codes[:count], self._reference)
        self._parts = [codes[count:]]
        self._pending -= count
        self._tick, self._key = self._tick + count, False
        return run


#: A packet that is copied, or frames that become one.
Piece = Packet | FrameRun


class PacketLayout:
    """Push-style order of a new stream's packets; `flush` after the last one.

    runs: of the whole stream, decimated by `frame_step`; with step 1 decoded pictures stay the same.
    """

    def __init__(self, header: StreamHeader, runs: Sequence[DecimatedRun], frame_step: int) -> None:
        window = header.coding.window_frames - header.coding.context_frames
        self._runs, self._frame_step = runs, frame_step
        self._next = 0
        self._repacketizer = Repacketizer(
            packet_frames(header.video.frame_rate / frame_step, window), window=window if frame_step == 1 else 1
        )
        self._content_tick = 0  # of the last CONTENT packet
        self._audio: list[Packet] = []

    def push_content(self, packet: Packet, *, added: bool) -> list[Piece]:
        """Push a CONTENT packet; at a lower frame rate that of a shot takes the time of the first frame after it.

        added: to a shot that has a reference.
        """
        if self._frame_step > 1:
            starts = self._next < len(self._runs) and not added
            tick = self._runs[self._next].tick if starts else nearest_tick(packet.timestamp, self._frame_step)
            self._content_tick = max(self._content_tick, tick)
            packet = dataclasses.replace(packet, timestamp=self._content_tick)
        return [*self.flush(), packet]

    def push_audio(self, packet: Packet) -> list[Piece]:
        """Push an AUDIO packet."""
        if not self._repacketizer.has_pending:
            return [packet]
        self._audio.append(packet)
        return []

    def push_motion(self, tick: int, key: bool, codes: Codes, reference: int) -> list[Piece]:
        """Push the codes int32 [n, groups] of a MOTION packet, made from the reference of this number."""
        if self._next < len(self._runs) and tick == self._runs[self._next].start:
            self._next += 1
        new_tick, kept = self._runs[self._next - 1].remaining(tick, len(codes))
        return self._release(
            self._repacketizer.push(new_tick, key, codes[kept.start : kept.stop : kept.step], reference)
        )

    def flush(self) -> list[Piece]:
        """The pending frames and the audio behind them."""
        return self._release(self._repacketizer.flush())

    def _release(self, frames: list[FrameRun]) -> list[Piece]:
        """Complete frames, with the audio that waited for the first of them."""
        if not frames:
            return []
        audio, self._audio = self._audio, []
        return [frames[0], *audio, *frames[1:]]


def packet_frames(frame_rate: Fraction, window: int) -> int:
    """Number of frames of a joined packet, at most what a packet may have."""
    return min(math.ceil(PACKET_S * frame_rate / window), MAX_MOTION_FRAMES // window) * window
