"""The packets of a stream laid out anew. In: packets with their codes, in order. Out: packets, and frames to be coded.

Packets are joined, frames are left out and times are changed; what is written first stays first, and sound follows the
frames that it was written after.
"""

import dataclasses
import math
from collections.abc import Sequence
from fractions import Fraction

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import MAX_MOTION_FRAMES, Packet
from bcdcodec.codec.transcode.repacketizer import Codes, Frames, Repacketizer
from bcdcodec.ratecontrol.frame_dropping import DecimatedRun, nearest_tick

#: What a joined packet holds, rounded up to whole windows: so much is lost with it where it is damaged.
PACKET_S = 5

Piece = Packet | Frames


class PacketLayout:
    """Push-style; `flush` after the last packet.

    runs: those of the whole stream. frame_step: what they were thinned by; with 1 decoded pictures stay the same.
    """

    def __init__(self, header: StreamHeader, runs: Sequence[DecimatedRun], frame_step: int) -> None:
        window = header.coding.window_frames - header.coding.context_frames
        self._runs, self._frame_step = runs, frame_step
        self._next = 0
        self._repacketizer = Repacketizer(
            packet_frames(header.video.frame_rate / frame_step, window), window=window if frame_step == 1 else 1
        )
        self._sound: list[Packet] = []

    def push_content(self, packet: Packet) -> list[Piece]:
        """A CONTENT packet; at a lower rate it holds from the first frame after it."""
        if self._frame_step > 1:
            more = self._next < len(self._runs)
            tick = self._runs[self._next].tick if more else nearest_tick(packet.timestamp, self._frame_step)
            packet = dataclasses.replace(packet, timestamp=tick)
        return [*self.flush(), packet]

    def push_audio(self, packet: Packet) -> list[Piece]:
        """An AUDIO packet."""
        if not self._repacketizer.holds_frames:
            return [packet]
        self._sound.append(packet)
        return []

    def push_motion(self, tick: int, key: bool, codes: Codes) -> list[Piece]:
        """The codes int32 [n, groups] of a MOTION packet."""
        if self._next < len(self._runs) and tick == self._runs[self._next].start:
            self._next += 1
        new_tick, kept = self._runs[self._next - 1].remaining(tick, len(codes))
        return self._release(self._repacketizer.push(new_tick, key, codes[kept.start : kept.stop : kept.step]))

    def flush(self) -> list[Piece]:
        """What waits for packets to join."""
        return self._release(self._repacketizer.flush())

    def _release(self, frames: list[Frames]) -> list[Piece]:
        """Frames that are done, and the sound that waited for the first of them."""
        if not frames:
            return []
        sound, self._sound = self._sound, []
        return [frames[0], *sound, *frames[1:]]


def packet_frames(frame_rate: Fraction, window: int) -> int:
    """Frames of a joined packet, at most as many as a packet may have."""
    return min(math.ceil(PACKET_S * frame_rate / window), MAX_MOTION_FRAMES // window) * window
