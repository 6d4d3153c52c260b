"""Training data: cached latents and small pictures become batches of clip halves.

In: a cache folder of clips.py: `latents.f16` [N, C, H, W], `thumbnails.u8` [N, 3, S, S] and `index.csv`. Out:
`HalvesBatch` for losses.py. Every batch is a function of (seed, step) alone, so a resumed run sees the same data.
"""

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdcodec.errors import ConfigError

#: Side of the small RGB pictures that flows are trained on.
THUMBNAIL = 64
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
    half; the same frames as small RGB pictures in [0, 1]: [B, Ta, 3, S, S] and [B, T, 3, S, S].
    """

    content: Tensor
    motion: Tensor
    content_pictures: Tensor
    motion_pictures: Tensor


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

        self.thumbnails: NDArray[np.uint8] = np.memmap(folder / "thumbnails.u8", np.uint8, "r").reshape(
            -1, 3, THUMBNAIL, THUMBNAIL
        )
        if len(self.thumbnails) != len(self.latents):
            raise ConfigError(f"{folder} has {len(self.latents)} latents and {len(self.thumbnails)} thumbnails")

    def clip(self, entry: ClipEntry) -> tuple[NDArray[np.float16], NDArray[np.uint8]]:
        """Latents [frames, C, H, W] and thumbnails [frames, 3, S, S] of one clip."""
        span = slice(entry.start, entry.start + entry.frames)
        return self.latents[span], self.thumbnails[span]


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
        halves = [self._halves(self.entries[i], rng) for i in chosen]
        z_content, z_motion, content, motion = (
            torch.from_numpy(np.stack(part)).float() for part in zip(*halves, strict=True)
        )
        return HalvesBatch(z_content, z_motion, content / 255, motion / 255)

    def _halves(self, entry: ClipEntry, rng: np.random.Generator) -> list[NDArray[Any]]:
        """Latents and thumbnails of frames of one half, then of the other."""
        # The motion half gets the longer part where a short clip cannot give a whole window twice.
        window = min(self.motion_frames, entry.frames - MIN_HALF_FRAMES)
        cut = int(rng.integers(MIN_HALF_FRAMES, entry.frames - window + 1))
        picked = np.sort(rng.integers(0, cut, self.content_frames))
        start = int(rng.integers(cut, entry.frames - window + 1))
        run = start + np.minimum(np.arange(self.motion_frames), window - 1)  # holds the last frame of a short clip
        if rng.random() < 0.5:  # motion from the first half
            picked, run = entry.frames - 1 - picked, entry.frames - 1 - run[::-1]
        flip = -1 if rng.random() < 0.5 else 1
        latents, thumbnails = self.cache.clip(entry)
        return [part[frames][..., ::flip].copy() for part in (latents, thumbnails) for frames in (picked, run)]
