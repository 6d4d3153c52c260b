"""Arrays of one clip for the clip cache: latents, thumbnails, landmarks and stills."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from bcdcodec.config import ModelConfig
from bcdcodec.frame import Frame
from bcdcodec.model.vae import from_uint8, to_uint8
from bcdcodec.model.warp import Autoencoder
from bcdcodec.training.data.clips import THUMBNAIL, still_frames
from bcdcodec.training.data.excerpts import Augmentation
from bcdcodec.training.data.sampler import MIN_HALF_FRAMES
from bcdcodec.video.landmarks import POINTS, follow_landmarks
from bcdcodec.video.reader import read_clip
from bcdcodec.video.still import decode_still, encode_still

#: Frames encoded at once.
CHUNK = 32


@dataclass(frozen=True, slots=True)
class Source:
    """A clip of a person. name: in the list of clips.

    excerpt: None for the whole clip without augmentation, else the seed of an augmented excerpt.
    """

    path: Path
    name: str
    person: str
    excerpt: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class PreparedClip:
    """Arrays of T frames and M stills: latents float16 [T, C, H, W].

    For a model with a warper also thumbnails uint8 [T, 3, S, S], landmarks float32 [T, L, 2], stills uint8 [M, 3, P, P]
    and their latents, else None.
    """

    latents: NDArray[np.float16]
    thumbnails: NDArray[np.uint8] | None = None
    landmarks: NDArray[np.float32] | None = None
    stills: NDArray[np.uint8] | None = None
    still_latents: NDArray[np.float16] | None = None


def excerpt_frames(config: ModelConfig) -> int:
    """Length of an excerpt: a window with its context, and room for the other half on either side, or both halves."""
    if config.optim.whole_halves:
        return 2 * (config.window_frames + config.context_frames)
    return 2 * MIN_HALF_FRAMES + config.window_frames + config.context_frames


@torch.inference_mode()
def prepare(source: Source, *, vae: Autoencoder | None, config: ModelConfig) -> PreparedClip:
    """Read, augment and encode one clip, deterministically.

    Raises VideoError, and MissingExtraError where faces are needed and their mesh is not installed.
    """
    pixels = np.stack(list(read_clip(source.path, rate=Fraction(*config.frame_rate), pixels=config.pixels)))
    augmentation = None
    if source.excerpt is not None:
        rng = np.random.default_rng(source.excerpt)
        length = excerpt_frames(config)
        start = int(rng.integers(0, max(1, len(pixels) - length + 1)))
        pixels = pixels[start : start + length]
        augmentation = Augmentation.draw(rng, config.pixels)
    points = _face_points(pixels) if config.denoiser.warp_blocks else None
    if augmentation is not None:
        pixels = augmentation.pictures(pixels)
        points = None if points is None else augmentation.points(points)
    latents = _latents(pixels, vae)
    if points is None:
        return PreparedClip(latents)
    stills = np.stack([_as_content(pixels[i], config) for i in still_frames(len(pixels))])
    return PreparedClip(latents, _thumbnails(pixels), points, stills.transpose(0, 3, 1, 2), _latents(stills, vae))


def _as_content(pixels: NDArray[np.uint8], config: ModelConfig) -> NDArray[np.uint8]:
    """A frame after coding as a content token, so that training sees the coding loss."""
    bits = config.content.picture_bits
    return decode_still(encode_still(pixels, budget_bits=bits, fast=True)) if bits else pixels


def _chunks(pixels: NDArray[np.uint8]) -> Iterator[Tensor]:
    """uint8 [N, P, P, 3] as [n, 3, P, P] in [-1, 1], a few at a time."""
    for chunk in np.array_split(pixels, -(-len(pixels) // CHUNK)):
        yield from_uint8(torch.from_numpy(chunk)).permute(0, 3, 1, 2)


def _latents(pixels: NDArray[np.uint8], vae: Autoencoder | None) -> NDArray[np.float16]:
    if vae is None:
        return torch.cat([*_chunks(pixels)]).half().numpy()
    device = next(vae.parameters()).device if isinstance(vae, nn.Module) else torch.device("cpu")
    return torch.cat([vae.encode(x.to(device)).half().cpu() for x in _chunks(pixels)]).numpy()


def _thumbnails(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return torch.cat([to_uint8(F.adaptive_avg_pool2d(x, THUMBNAIL)) for x in _chunks(pixels)]).numpy()


def _face_points(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Landmarks [N, L, 2] in fractions of the picture, NaN where no face was found."""
    points = np.full((len(pixels), POINTS, 2), np.nan, np.float32)
    last = None
    for index, picture in enumerate(pixels):
        frame = Frame(pixels=picture, index=index)
        last = follow_landmarks(frame, last)
        if last is not None:
            points[index] = last[:, :2] / picture.shape[0]
    return points
