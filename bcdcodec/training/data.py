"""Training data: a folder of clips becomes cached latents, and cached latents become batches of halves.

In: DIR/clips.csv with columns `clip` and `person`, and the clips. Out: `latents.f16` [N, C, H, W] and `index.csv`
in a cache
folder, then `HalvesBatch` for losses.py. Every batch is a function of (seed, step) alone, so a resumed run sees the
same data.
"""

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdcodec.errors import ConfigError

#: A clip must give both halves at least this many frames.
MIN_HALF_FRAMES = 4


@dataclass(frozen=True, slots=True)
class ClipEntry:
    """One clip of the cache: frames `start .. start + frames` of the latent array."""

    clip: str
    person: str
    start: int
    frames: int


@dataclass(frozen=True, slots=True)
class HalvesBatch:
    """content [B, Ta, C, H, W] from one half of each clip, motion [B, T, C, H, W] consecutive frames of the other
    half.
    """

    content: Tensor
    motion: Tensor


class LatentCache:
    """Read-only view of a cache folder."""

    def __init__(self, folder: Path, latent_shape: tuple[int, int, int]) -> None:
        index = folder / "index.csv"
        if not index.exists():
            raise ConfigError(f"{folder} has no index.csv; make the cache with `bcd train --data` first")
        with index.open() as file:
            self.entries = [
                ClipEntry(r["clip"], r["person"], int(r["start"]), int(r["frames"])) for r in csv.DictReader(file)
            ]
        self.latents: NDArray[np.float16] = np.memmap(folder / "latents.f16", np.float16, "r").reshape(
            -1, *latent_shape
        )

    def clip(self, entry: ClipEntry) -> NDArray[np.float16]:
        """Latents of one clip [frames, C, H, W]."""
        return self.latents[entry.start : entry.start + entry.frames]


class HalvesSampler:
    """Draws batches of clip halves, people balanced by the square root of how often they appear."""

    def __init__(self, cache: LatentCache, *, batch: int, content_frames: int, motion_frames: int, seed: int) -> None:
        self.cache, self.batch, self.seed = cache, batch, seed
        self.content_frames, self.motion_frames = content_frames, motion_frames
        self.entries = [e for e in cache.entries if e.frames >= 2 * MIN_HALF_FRAMES]
        if not self.entries:
            raise ConfigError(f"no clip has the {2 * MIN_HALF_FRAMES} frames that two halves need")
        people = Counter(e.person for e in self.entries)
        weight = np.array([people[e.person] ** -0.5 * min(e.frames, 75) ** 0.5 for e in self.entries])
        self.weight = weight / weight.sum()

    def draw(self, step: int) -> HalvesBatch:
        """The batch of one optimiser step. Clips are mirrored half the time (the VAE is trained to commute with it)."""
        rng = np.random.default_rng((self.seed, step))
        chosen = rng.choice(len(self.entries), self.batch, p=self.weight)
        pairs = [self._halves(self.entries[i], rng) for i in chosen]
        return HalvesBatch(*(torch.from_numpy(np.stack(part)).float() for part in zip(*pairs, strict=True)))

    def _halves(self, entry: ClipEntry, rng: np.random.Generator) -> list[NDArray[np.float16]]:
        z = self.cache.clip(entry)
        # The motion half gets the longer part where a short clip cannot give a whole window twice.
        window = min(self.motion_frames, entry.frames - MIN_HALF_FRAMES)
        cut = int(rng.integers(MIN_HALF_FRAMES, entry.frames - window + 1))
        content_half, motion_half = z[:cut], z[cut:]
        if rng.random() < 0.5:
            content_half, motion_half = z[entry.frames - cut :], z[: entry.frames - cut]
        picked = np.sort(rng.integers(0, len(content_half), self.content_frames))
        start = int(rng.integers(0, len(motion_half) - window + 1))
        run = start + np.minimum(np.arange(self.motion_frames), window - 1)  # holds the last frame of a short clip
        flip = -1 if rng.random() < 0.5 else 1
        return [content_half[picked][..., ::flip].copy(), motion_half[run][..., ::flip].copy()]
