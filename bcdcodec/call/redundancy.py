"""Redundancy: datagrams carry the motion and sound of the ones before them again, more where more gets lost.

A copy costs its bits and no more delay than the next datagram takes; to ask for a lost packet would cost a round trip.
Those that would come later than a receiver waits for (`COPY_WAIT_MS`) are not sent. In-band redundancy of Opus is
no substitute: at 6 kbps there is none in its packets.
"""

from collections import deque

from bcdcodec.call.chunks import Chunk, MotionChunk, SoundChunk, pack_chunk
from bcdcodec.call.jitter import COPY_WAIT_MS

#: Level: datagrams back whose motion is repeated, and whose sound is.
MOTION_BACK: dict[int, tuple[int, ...]] = {0: (), 1: (1,), 2: (1, 2)}
SOUND_BACK: dict[int, tuple[int, ...]] = {0: (), 1: (1,), 2: (1,)}
MAX_LEVEL, MAX_BACK = 2, 2
#: The level before the first report.
FIRST_LEVEL = 1
#: Shares of loss from which a level is used.
LEVEL_LOSS = {1: 0.01, 2: 0.08}


def level_for(loss: float) -> int:
    """The level for a share of lost datagrams."""
    return max((level for level, least in LEVEL_LOSS.items() if loss >= least), default=0)


class Repeater:
    """Media of the last datagrams, and those of them that the next one repeats."""

    def __init__(self) -> None:
        self.level = FIRST_LEVEL
        #: From one datagram with motion to the next.
        self.packet_ms = 0.0
        self._sent: deque[list[Chunk]] = deque(maxlen=MAX_BACK)

    def motion(self, room_bytes: int, after: Chunk | None) -> list[Chunk]:
        """Motion to repeat within some bytes, that of the last datagram first. after: the chunk in front of it."""
        return self._copies(MotionChunk, MOTION_BACK[self.level], room_bytes, after)

    def sound(self, room_bytes: int) -> list[Chunk]:
        """Sound to repeat within some bytes."""
        return self._copies(SoundChunk, SOUND_BACK[self.level], room_bytes, None)

    def _copies(self, kind: type[Chunk], places: tuple[int, ...], room_bytes: int, after: Chunk | None) -> list[Chunk]:
        chosen: list[Chunk] = []
        for back, chunks in enumerate(reversed(self._sent), 1):
            is_in_time = back * self.packet_ms <= COPY_WAIT_MS
            for chunk in chunks if back in places and is_in_time else ():
                size = len(pack_chunk(chunk, after))
                if isinstance(chunk, kind) and size <= room_bytes:
                    chosen.append(chunk)
                    room_bytes -= size
                    after = chunk
        return chosen

    def remember(self, chunks: list[Chunk]) -> None:
        """Take the new media of a datagram that was sent; one without any does not count."""
        media: list[Chunk] = [chunk for chunk in chunks if isinstance(chunk, MotionChunk | SoundChunk)]
        if media:
            self._sent.append(media)
