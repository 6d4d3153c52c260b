"""What codec/encode/analysis.py finds in frames and codec/encode/packetizer.py sends. In: nothing. Out: two records."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.records import ContentRecord


@dataclass(frozen=True, slots=True)
class ReferenceUnit:
    """What the person looks like from frame `start` on."""

    start: int
    record: ContentRecord


@dataclass(frozen=True, slots=True, eq=False)
class MotionUnit:
    """Frames of one packet: nearest codes int64 [n, G], squared distances of all entries float32 [n, G, E]."""

    start: int
    codes: NDArray[np.int64]
    distances: NDArray[np.float32]

    @property
    def end(self) -> int:
        """The frame after the last one."""
        return self.start + len(self.codes)


AnalyzedUnit = ReferenceUnit | MotionUnit
