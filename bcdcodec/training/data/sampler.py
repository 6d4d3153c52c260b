"""Sampler of cross-driven batches from a clip cache: content of one half of each clip, motion of the other.

Every batch is a function of (seed, step) alone, so a resumed run sees the same data.
"""

from collections import Counter
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError
from bcdcodec.training.data.batch import CrossDrivenBatch, Faces
from bcdcodec.training.data.clips import THUMBNAIL, ClipCache, ClipEntry, still_frames
from bcdcodec.training.run.sharding import SINGLE_PROCESS, ProcessShard

#: Frames that content is encoded from, where it is not a single still.
CONTENT_FRAMES = 4
#: Minimum length of either half of a clip.
MIN_HALF_FRAMES = 4
#: Share of the clips whose motion half is shifted against the content, and the maximum shift in latent pixels.
SHIFTED, MAX_SHIFT = 0.3, 2


def least_frames(config: ModelConfig) -> int:
    """Length of the shortest clip that gives two halves."""
    return 2 if config.optim.whole_halves else 2 * MIN_HALF_FRAMES


class CrossDrivenSampler:
    """Draws batches of clip halves.

    across_clips: content comes from any clip of the same person instead of the other half. cross_driven: off, it comes
    from the frames of the motion half themselves. whole_halves: clips are cut in the middle, and all of the first half
    is content, of as many frames as the second. balanced: people are drawn by the square root of their frequency.
    Motion halves have `motion_frames` frames, or as many as the longest clip gives.
    """

    def __init__(
        self,
        cache: ClipCache,
        *,
        batch: int,
        content_frames: int,
        motion_frames: int,
        seed: int,
        across_clips: bool = False,
        cross_driven: bool = True,
        whole_halves: bool = False,
        balanced: bool = True,
    ) -> None:
        self.cache, self.batch, self.seed, self.across_clips = cache, batch, seed, across_clips
        self.cross_driven, self.whole_halves = cross_driven, whole_halves
        needed = 2 if whole_halves else 2 * MIN_HALF_FRAMES
        self.entries = [e for e in cache.entries if e.frames >= needed]
        if (across_clips or whole_halves) and cache.has_faces:
            asked = "content across clips is" if across_clips else "whole halves are"
            raise ConfigError(f"{asked} for models without a warper")
        if across_clips and whole_halves:
            raise ConfigError("content comes from another clip or from the other half, not both")
        if not self.entries:
            raise ConfigError(f"no clip has the {needed} frames that two halves need")
        self.content_frames = content_frames
        self.motion_frames = min(motion_frames, max(self._longest_run(e) for e in self.entries))
        self._of_person: dict[str, list[ClipEntry]] = {}
        for entry in self.entries:
            self._of_person.setdefault(entry.person, []).append(entry)
        people = Counter(e.person for e in self.entries)
        weight = np.array([people[e.person] ** -0.5 * min(e.frames, 75) ** 0.5 for e in self.entries])
        self.weight = weight / weight.sum() if balanced else np.full(len(weight), 1 / len(weight))
        cumulative = self.weight.cumsum()
        self._cumulative = cumulative / cumulative[-1]

    @classmethod
    def of(
        cls,
        cache: ClipCache,
        config: ModelConfig,
        *,
        seed: int,
        batch: int | None = None,
        content_frames: int = CONTENT_FRAMES,
        motion_frames: int | None = None,
        cross_driven: bool = True,
    ) -> Self:
        """The sampler that a model's configuration asks for; batch, motion_frames: None for those of training."""
        optim = config.optim
        return cls(
            cache,
            batch=batch or optim.batch,
            content_frames=content_frames,
            motion_frames=motion_frames or config.window_frames + config.context_frames,
            seed=seed,
            across_clips=optim.across_clips,
            cross_driven=cross_driven,
            whole_halves=optim.whole_halves,
            balanced=optim.balanced_people,
        )

    def choose(self, step: int) -> NDArray[np.intp]:
        """Indices of the clips of one update's batch in `entries`, as `Generator.choice` draws them by `weight`."""
        # Which sums the weights up anew each time: milliseconds of 300 000 clips.
        uniform = np.random.default_rng((self.seed, step)).random(self.batch)
        return self._cumulative.searchsorted(uniform, side="right")

    def draw(self, step: int, share: ProcessShard = SINGLE_PROCESS) -> CrossDrivenBatch:
        """The batch of one update, or some of its rows. Half of the clips are mirrored (the VAE commutes)."""
        chosen = self.choose(step)
        drawn = [
            self._halves(self.entries[chosen[row]], np.random.default_rng((self.seed, step, row)))
            for row in share.numbers(self.batch)
        ]
        parts = [torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True)]
        content, motion = (part.float() for part in parts[:2])
        if not self.cache.has_faces:
            return CrossDrivenBatch(content, motion, None)
        return CrossDrivenBatch(content, motion, Faces(*parts[2:]))

    def _halves(self, entry: ClipEntry, rng: np.random.Generator) -> list[NDArray[Any]]:
        """content and motion; with faces also picture, thumbnails and the landmarks of both."""
        if self.across_clips:
            return self._across(entry, rng)
        if self.whole_halves:
            return self._whole_halves(entry, rng)
        # The motion half gets the longer part of a clip that is too short for two windows.
        window = min(self.motion_frames, self._longest_run(entry))
        cut = int(rng.integers(MIN_HALF_FRAMES, entry.frames - window + 1))
        picked = np.sort(rng.integers(0, cut, self.content_frames))
        start = int(rng.integers(cut, entry.frames - window + 1))
        run = start + np.minimum(np.arange(self.motion_frames), window - 1)  # repeats the last frame of a short clip
        if rng.random() < 0.5:  # motion from the first half
            picked, run = entry.frames - 1 - picked, entry.frames - 1 - run[::-1]
        if not self.cross_driven:
            picked = np.sort(rng.choice(run, self.content_frames))
        mirrored = self.cache.may_mirror and rng.random() < 0.5
        flip = -1 if mirrored else 1
        cache, frames = self.cache, entry.start + run
        if not cache.has_faces:
            return [cache.latents[rows][..., ::flip].copy() for rows in (entry.start + picked, frames)]
        kept = still_frames(entry.frames)
        outside = (kept < run.min()) | (kept > run.max())
        allowed = np.flatnonzero(outside if self.cross_driven else ~outside)
        far = np.abs(kept - run.mean())  # there may be no allowed still
        still = int(rng.choice(allowed) if allowed.size else far.argmax() if self.cross_driven else far.argmin())
        row = entry.first_still + still
        pictures = [cache.still_latents[[row]], cache.latents[frames], cache.stills[row], cache.thumbnails[frames]]
        points = [cache.faces(rows, mirrored) for rows in (entry.start + kept[still], frames)]
        content, motion, picture, thumbnails = (part[..., ::flip].copy() for part in pictures)
        if rng.random() < SHIFTED:
            shift = rng.integers(-MAX_SHIFT, MAX_SHIFT + 1, 2)
            side = motion.shape[-1]
            motion, thumbnails = _shift(motion, shift), _shift(thumbnails, shift * (THUMBNAIL // side))
            points[1] = points[1] + (shift / side).astype(np.float32)
        return [content, motion, picture, thumbnails, *points]

    def _across(self, entry: ClipEntry, rng: np.random.Generator) -> list[NDArray[Any]]:
        """Content from any clip of the person, motion from this one."""
        others = self._of_person[entry.person]
        other = others[int(rng.integers(len(others)))]
        picked = other.start + np.sort(rng.integers(0, other.frames, self.content_frames))
        start = entry.start + int(rng.integers(0, max(1, entry.frames - self.motion_frames + 1)))
        run = np.minimum(start + np.arange(self.motion_frames), entry.start + entry.frames - 1)
        if not self.cross_driven:
            picked = np.sort(rng.choice(run, self.content_frames))
        return [self.cache.latents[rows].copy() for rows in (picked, run)]

    def _whole_halves(self, entry: ClipEntry, rng: np.random.Generator) -> list[NDArray[Any]]:
        """Content from the first half of a clip of two windows, motion from the second."""
        half = min(self.motion_frames, entry.frames // 2)
        start = entry.start + int(rng.integers(entry.frames - 2 * half + 1))
        run = np.minimum(np.arange(self.motion_frames), half - 1)  # repeats the last frame of a short half
        motion = start + half + run
        flip = -1 if self.cache.may_mirror and rng.random() < 0.5 else 1
        content = start + run if self.cross_driven else motion
        return [self.cache.latents[rows][..., ::flip].copy() for rows in (content, motion)]

    def _longest_run(self, entry: ClipEntry) -> int:
        """Maximum length of the motion half of a clip."""
        if self.whole_halves:
            return entry.frames // 2
        return entry.frames if self.across_clips else entry.frames - MIN_HALF_FRAMES


def _shift(pictures: NDArray[Any], shift: NDArray[Any]) -> NDArray[Any]:
    """Pictures [..., H, W] moved right and down by whole pixels (x, y), borders repeated."""
    h, w = pictures.shape[-2:]
    rows = np.clip(np.arange(h) - shift[1], 0, h - 1)
    columns = np.clip(np.arange(w) - shift[0], 0, w - 1)
    return pictures[..., rows[:, None], columns]
