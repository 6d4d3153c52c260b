"""Frames into fewer, larger packets. In: codes of MOTION packets. Out: `Frames`, which any coder makes a packet of."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.packet import MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import CodingMode
from bcdcodec.entropy.motion import MotionCoder

Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Consecutive frames of one packet. tick: of the first. key: the decoder starts here. codes: int32 [n, groups]."""

    tick: int
    key: bool
    codes: Codes
    _payloads: dict[CodingMode, bytes] = field(default_factory=dict)

    def packet(self, coder: MotionCoder) -> Packet:
        """A MOTION packet of the codes that the coder is for, its sequence number still to be given; coded once a
        mode.
        """
        if coder.mode not in self._payloads:
            codes = coder.encode(self.codes[:, : coder.groups])
            self._payloads[coder.mode] = MotionPayload(len(self.codes), self.key, codes).pack()
        return Packet(PacketKind.MOTION, 0, self.tick, self._payloads[coder.mode])


class Repacketizer:
    """Joins the frames from one key packet to the next into packets of `size` frames.

    window: frames that the decoder paints at once. Where a packet ends inside of a window, the decoder paints the part,
    so the joined packet ends there too and pictures stay what they were; 1 joins whatever comes. `size` is a multiple.
    """

    def __init__(self, size: int, *, window: int) -> None:
        self._size, self._window = size, window
        self._tick = 0
        self._key = False
        self._parts: list[Codes] = []
        self._held = 0

    @property
    def holds_frames(self) -> bool:
        """Whether frames wait for others to join them."""
        return self._held > 0

    def push(self, tick: int, key: bool, codes: Codes) -> list[Frames]:
        """Frames that continue the ones before, unless they are key; where none are given, the next ones are key."""
        done = []
        if key:
            done = self.flush()
            self._key = True
        if not self._held:
            self._tick = tick
        self._parts.append(codes)
        self._held += len(codes)
        while self._held >= self._size:
            done.append(self._emit(self._size))
        return done + self.flush() if self._held % self._window else done

    def flush(self) -> list[Frames]:
        """The frames that wait, if any."""
        return [self._emit(self._held)] if self._held else []

    def _emit(self, count: int) -> Frames:
        codes = np.concatenate(self._parts)
        frames = Frames(self._tick, self._key, codes[:count])
        self._parts = [codes[count:]]
        self._held -= count
        self._tick, self._key = self._tick + count, False
        return frames
