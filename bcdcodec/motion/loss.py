"""Packets that get lost, and the gaps they leave. In: how many packets, how many are lost. Out: codes with gaps
filled.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bcdcodec.codec.decode.concealment import HISTORY_FRAMES, Codes, Concealer
from bcdcodec.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class LossPattern:
    """share: of packets lost, above 0, below 1. burst: packets that are lost one after another on average, from 1
    (each by
    itself) on: the two-state chain of Gilbert, *Capacity of a Burst-Noise Channel*, 1960, with a bad state that loses
    all.
    """

    share: float
    burst: float

    def __post_init__(self) -> None:
        if not (0 < self.share < 1 and self.burst >= 1):
            raise ConfigError(f"loss is {self.share} in bursts of {self.burst}, allowed are 0 to 1 and 1 or more")

    def draw(self, packets: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Which packets of a stream are lost; the first never is, as nothing can be predicted before it."""
        if self.burst == 1:
            lost = rng.random(packets) < self.share
        else:
            recover = 1 / self.burst
            fall = recover * self.share / (1 - self.share)  # the chain is bad for `share` of the time
            bad, lost = rng.random() < self.share, np.zeros(packets, np.bool_)
            for index in range(packets):
                lost[index] = bad
                bad = rng.random() >= recover if bad else rng.random() < fall
        lost[:1] = False
        return np.asarray(lost)


def gaps_of(lost: NDArray[np.bool_], *, packet_frames: int, frames: int) -> list[tuple[int, int]]:
    """First frame of each gap and the frame after it, for a stream of so many frames."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], lost, [False]]).astype(int)))
    return [(int(a) * packet_frames, min(int(b) * packet_frames, frames)) for a, b in edges.reshape(-1, 2)]


def fill_gaps(codes: Codes, gaps: list[tuple[int, int]], concealer: Concealer, content: Tensor) -> Codes:
    """Codes [n, G] of a shot as a decoder has them that lost the gaps; they are filled in order."""
    known = codes.copy()
    for start, end in gaps:
        after = codes[end:] if end < len(codes) else None
        before = known[max(0, start - HISTORY_FRAMES) : start]
        known[start:end] = concealer.fill(before, end - start, after=after, content=content)
    return known
