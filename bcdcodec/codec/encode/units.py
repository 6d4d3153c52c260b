"""Analysed units: references and motion packets as the analysis passes them to the packetizer."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.records import ContentRecord


@dataclass(frozen=True, slots=True)
class ReferenceUnit:
    """A reference of motion from frame `start` on."""

    start: int
    record: ContentRecord


@dataclass(frozen=True, slots=True, eq=False)
class MotionUnit:
    """Frames of one packet: min-distortion codes int64 [n, G], squared distances of all entries float32 [n, G, E].

    reference: number of the one in the shot that they are relative to.
    """

    start: int
    codes: NDArray[np.int64]
    distances: NDArray[np.float32]
    reference: int = 0

    @property
    def end(self) -> int:
        """The frame after the last one."""
        return self.start + len(self.codes)


AnalyzedUnit = ReferenceUnit | MotionUnit
