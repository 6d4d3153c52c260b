"""Clips of a cache folder, as training reads them. Layout of the folder:

shard-00000      and so on (shards.py), of whole clips each:
  index.csv      one row a clip: clip, person, frames, stills
  latents.f16    [N, C, H, W], every frame
  thumbnails.u8  [N, 3, S, S], landmarks.f32 [N, 478, 2]: of the same frames, to train a warper
  stills.u8      [M, 3, P, P], still_latents.f16 [M, C, H, W]: frames after coding as a content token
"""

import copy
import itertools
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError
from bcdcodec.training.data.shards import ShardedArray, find_shards, read_rows
from bcdcodec.video.landmarks import POINTS

#: Side of the thumbnails that flows are trained on.
THUMBNAIL = 128
#: Frames of a clip per still.
FRAMES_PER_STILL = 10


def still_frames(frames: int) -> NDArray[np.intp]:
    """Indices of the frames of a clip that are kept as stills: evenly spread, at least two."""
    count = max(2, frames // FRAMES_PER_STILL)
    return ((np.arange(count) + 0.5) * frames / count).astype(np.intp)


@dataclass(frozen=True, slots=True)
class ClipEntry:
    """One clip of the cache: frames `start .. start + frames` of its arrays, and its stills likewise."""

    clip: str
    person: str
    start: int
    frames: int
    first_still: int
    stills: int


class ClipCache:
    """Read-only view of a cache folder."""

    def __init__(self, folder: Path, config: ModelConfig) -> None:
        shards = find_shards(folder)
        if not shards:
            raise ConfigError(f"{folder} has no shards of clips; make the cache with `bcd train --data` first")
        self.entries: list[ClipEntry] = []
        start = first_still = 0
        for row in itertools.chain.from_iterable(map(read_rows, shards)):
            frames, stills = int(row["frames"]), int(row["stills"])
            self.entries.append(ClipEntry(row["clip"], sys.intern(row["person"]), start, frames, first_still, stills))
            start, first_still = start + frames, first_still + stills
        denoiser = config.denoiser
        latent = (denoiser.channels, denoiser.resolution, denoiser.resolution)
        self.latents = ShardedArray(shards, "latents.f16", np.float16, latent)
        # Left and right of drawn figures differ, so they are not mirrored.
        self.may_mirror = config.optim.mirrored and config.autoencoder != "none"
        self.has_faces = denoiser.warp_blocks > 0
        if self.has_faces:
            self.thumbnails = ShardedArray(shards, "thumbnails.u8", np.uint8, (3, THUMBNAIL, THUMBNAIL))
            self.landmarks = ShardedArray(shards, "landmarks.f32", np.float32, (POINTS, 2))
            self.mirrored = mirror_order(self.landmarks)
            self.stills = ShardedArray(shards, "stills.u8", np.uint8, (3, config.pixels, config.pixels))
            self.still_latents = ShardedArray(shards, "still_latents.f16", np.float16, latent)

    def of_people(self, people: Collection[str]) -> "ClipCache":
        """The clips of some people alone; arrays are shared."""
        part = copy.copy(self)
        part.entries = [entry for entry in self.entries if entry.person in people]
        return part

    def faces(self, rows: NDArray[np.intp] | int, mirrored: bool) -> NDArray[np.float32]:
        """Landmarks of frames [..., L, 2], or of their mirror images."""
        found = self.landmarks[rows]
        return np.stack([1 - found[..., 0], found[..., 1]], -1)[..., self.mirrored, :] if mirrored else found


def mirror_order(landmarks: NDArray[np.float32] | ShardedArray, sample: int = 500) -> NDArray[np.intp]:
    """The landmark of the mesh that each one becomes in a mirror, by their distance in the mean of some faces.

    landmarks: [N, L, 2] with NaN where no face was found. Returns indices [L]; the identity where there is no face.
    """
    faces = np.array(landmarks[:: max(1, len(landmarks) // sample)])
    faces = faces[np.isfinite(faces).all((1, 2))]
    if not len(faces):
        return np.arange(landmarks.shape[1])
    faces = faces - faces.mean(1, keepdims=True)
    mean = (faces / faces.std((1, 2), keepdims=True)).mean(0)  # [L, 2]
    distance = np.linalg.norm(mean[:, None] * [-1, 1] - mean, axis=-1)
    order = np.full(len(mean), -1)
    for pair in distance.argsort(axis=None):  # the closest first; a point is the image of its image
        i, j = divmod(int(pair), len(mean))
        if order[i] < 0 and order[j] < 0:
            order[i], order[j] = j, i
    return order
