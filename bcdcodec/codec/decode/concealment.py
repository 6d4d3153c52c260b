"""Loss concealment: codes in place of frames whose packets were lost.

sequence numbers -> a packet is missing -> ticks tell the number of frames -> `Concealer` -> codes

Codes of real packets depend on no concealed one, so that an error ends with the gap.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.packet import Packet

#: Frames before a gap that a concealer is given, and the longest gap that is filled.
HISTORY_FRAMES, MAX_GAP_FRAMES = 64, 512

Codes = NDArray[np.int64]


class Concealer(Protocol):
    """Fills gaps with codes."""

    def fill(self, before: Codes, frames: int, *, after: Codes | None, content: Any) -> Codes:
        """Codes [frames, G] for missing frames. before: those of the frames that lead to them [n, G], n from 1 to
        HISTORY_FRAMES; after: those that follow, None where they are not known yet; content: the map [C, H, W] of
        the shot, as the decoder's networks have it. The same arguments give the same codes.
        """
        ...


class HoldConcealer:
    """Repeats the last good codes."""

    def fill(self, before: Codes, frames: int, *, after: Codes | None, content: Any) -> Codes:
        return before[-1:].repeat(frames, axis=0)


class LossTracker:
    """Detect gaps between the packets of a shot, and fill them by a concealer."""

    def __init__(self, concealer: Concealer) -> None:
        self._concealer = concealer
        self._next_sequence: int | None = None
        self._lost = False
        self._before: Codes | None = None
        #: The tick after the last frame, real or concealed.
        self.end = 0
        #: Packets missing so far, those before the first one included.
        self.lost_packets = 0

    def observe(self, packet: Packet) -> bool:
        """Take note of every packet of the stream; False for one that came before, or comes after a later one."""
        if packet.sequence < (self._next_sequence or 0):
            return False
        missing = packet.sequence - (self._next_sequence or 0)
        self._lost |= self._next_sequence is not None and missing > 0
        self.lost_packets += missing
        self._next_sequence = packet.sequence + 1
        return True

    def mark_lost(self) -> None:
        """Mark the next frames as lost, though no packet has shown it."""
        self._lost = True

    def lose(self, tick: int) -> None:
        """Mark the frames from `tick` on as lost; a pause before them that nothing was lost in stays one."""
        if not self._lost:
            self.end = max(self.end, tick)
        self._lost = True

    def new_shot(self) -> None:
        """Forget the history: codes from here on are relative to other content."""
        self._before = None

    def fill(self, until: int, *, after: Codes | None, content: Any) -> Codes | None:
        """Codes [n, G] of the missing frames `end .. until`; None where nothing is missing, there is no history, or the
        gap is longer than MAX_GAP_FRAMES. after: codes of the packet at `until`, None where there is none.
        """
        missing, lost = until - self.end, self._lost
        self._lost = False
        if self._before is None or not lost or not 0 < missing <= MAX_GAP_FRAMES:
            return None
        return self._concealer.fill(self._before, missing, after=after, content=content)

    def add(self, codes: Codes, tick: int) -> None:
        """Add codes of the frames from `tick` on, real or concealed, to the history."""
        recent = codes if self._before is None else np.concatenate([self._before, codes])
        self._before = recent[-HISTORY_FRAMES:]
        self.end = tick + len(codes)
