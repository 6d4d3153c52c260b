"""Packet-loss patterns, and code streams whose lost packets are concealed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bcdcodec.codec.decode.concealment import HISTORY_FRAMES, Codes, Concealer
from bcdcodec.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class LossPattern:
    """Random loss, or the two-state chain of Gilbert (*Capacity of a Burst-Noise Channel*, 1960).

    share: of packets lost, above 0, below 1. burst: mean number of packets lost in a row, from 1 (independent losses)
    on. The bad state of the chain loses every packet.
    """

    share: float
    burst: float

    def __post_init__(self) -> None:
        if not (0 < self.share < 1 and self.burst >= 1):
            raise ConfigError(f"loss is {self.share} in bursts of {self.burst}, allowed are 0 to 1 and 1 or more")

    def draw(self, packets: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Lost packets of a stream; the first is never lost, as nothing can be predicted before it."""
        if self.burst == 1:
            lost = rng.random(packets) < self.share
        else:
            recover = 1 / self.burst
            fall = recover * self.share / (1 - self.share)  # the stationary probability of the bad state is `share`
            bad, lost = rng.random() < self.share, np.zeros(packets, np.bool_)
            for index in range(packets):
                lost[index] = bad
                bad = rng.random() >= recover if bad else rng.random() < fall
        lost[:1] = False
        return np.asarray(lost)


def find_gaps(lost: NDArray[np.bool_], *, packet_frames: int, frames: int) -> list[tuple[int, int]]:
    """First frame of each gap and the frame after it, for a stream of `frames` frames."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], lost, [False]]).astype(int)))
    return [(int(a) * packet_frames, min(int(b) * packet_frames, frames)) for a, b in edges.reshape(-1, 2)]


def fill_gaps(codes: Codes, gaps: list[tuple[int, int]], concealer: Concealer, content: Tensor) -> Codes:
    """Codes [n, G] of a shot as a decoder has them that lost the gaps and conceals them in order."""
    known = codes.copy()
    for start, end in gaps:
        after = codes[end:] if end < len(codes) else None
        before = known[max(0, start - HISTORY_FRAMES) : start]
        known[start:end] = concealer.fill(before, end - start, after=after, content=content)
    return known
