"""A folder of clips, decoded. In: DIR/clips.csv (columns `clip`, `person`) and the clips. Out: cache, VAE crops."""

import contextlib
import csv
import hashlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError
from bcdcodec.frame import Frame
from bcdcodec.model.anchor import Autoencoder
from bcdcodec.model.vae import from_uint8, to_uint8
from bcdcodec.training.data import THUMBNAIL, still_frames
from bcdcodec.training.vae import BATCH, CROP, CropSource
from bcdcodec.video.clip import read_clip
from bcdcodec.video.landmarks import POINTS, landmarks, landmarks_near
from bcdcodec.video.still import decode_still, encode_still

#: Frames encoded at once.
CHUNK = 32
#: Arrays of a cache, and those that only a model with an anchor learns from.
FRAMES, FACES = ("latents.f16",), ("thumbnails.u8", "landmarks.f32", "stills.u8", "still_latents.f16")
MADE_WITH = "made_with.txt"
#: (clips done, clips in all)
Progress = Callable[[int, int], None]


def read_manifest(folder: Path) -> list[tuple[str, str]]:
    """(clip, person) of every row of clips.csv."""
    path = folder / "clips.csv"
    if not path.exists():
        raise ConfigError(f"{folder} has no clips.csv with the columns clip and person")
    with path.open() as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"clip", "person"} <= set(rows[0]):
        raise ConfigError(f"{path} needs at least one row, and the columns clip and person")
    return [(row["clip"], row["person"]) for row in rows]


@torch.inference_mode()
def cache_clips(folder: Path, out: Path, *, vae: Autoencoder | None, config: ModelConfig, progress: Progress) -> None:
    """Encode every clip once into `out` (training/data.py says what is there). Done already: returns at once; cut off:
    starts again. Raises MissingExtraError where faces are needed and their mesh is not installed, ConfigError if the
    cache is another model's.
    """
    mark = _fingerprint(vae, config)
    if (out / "index.csv").exists():
        if not (out / MADE_WITH).exists() or (out / MADE_WITH).read_text() != mark:
            raise ConfigError(f"{out} was made with another autoencoder or preset; delete it and start again")
        return
    out.mkdir(parents=True, exist_ok=True)
    (out / MADE_WITH).write_text(mark)
    with_faces = config.denoiser.anchor_blocks > 0
    manifest, rate, start, first_still = read_manifest(folder), Fraction(*config.frame_rate), 0, 0
    rows: list[tuple[str, str, int, int, int, int]] = []
    with contextlib.ExitStack() as stack:
        files = {name: stack.enter_context((out / name).open("wb")) for name in FRAMES + (FACES if with_faces else ())}

        def append(name: str, values: Any) -> None:
            files[name].write(np.ascontiguousarray(values).tobytes())

        for done, (clip, person) in enumerate(manifest):
            pixels = np.stack(list(read_clip(folder / clip, rate=rate, pixels=config.pixels)))
            stills = 0
            append("latents.f16", _latents(pixels, vae))
            if with_faces:
                kept = still_frames(len(pixels))
                decoded = np.stack([_as_content(pixels[i], config) for i in kept])
                append("thumbnails.u8", _thumbnails(pixels))
                append("landmarks.f32", _face_points(pixels))
                append("stills.u8", decoded.transpose(0, 3, 1, 2))
                append("still_latents.f16", _latents(decoded, vae))
                stills = len(kept)
            rows.append((clip, person, start, len(pixels), first_still, stills))
            start, first_still = start + len(pixels), first_still + stills
            progress(done + 1, len(manifest))
    with (out / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["clip", "person", "start", "frames", "first_still", "stills"])
        writer.writerows(rows)


def _fingerprint(vae: Autoencoder | None, config: ModelConfig) -> str:
    """What the cached numbers depend on beside the clips."""
    digest = hashlib.sha256()
    if isinstance(vae, nn.Module):
        for value in vae.state_dict().values():
            digest.update(value.cpu().numpy().tobytes())
    known = (config.pixels, config.frame_rate, config.content.picture_bits, config.denoiser.anchor_blocks > 0)
    return f"{known} autoencoder {digest.hexdigest()}\n"


def _as_content(pixels: NDArray[np.uint8], config: ModelConfig) -> NDArray[np.uint8]:
    """A frame as the content token brings it, so that training sees what is lost."""
    bits = config.content.picture_bits
    return decode_still(encode_still(pixels, budget_bits=bits, fast=True)) if bits else pixels


def _chunks(pixels: NDArray[np.uint8]) -> Iterator[Tensor]:
    """uint8 [N, P, P, 3] -> [n, 3, P, P] in [-1, 1], a few at a time."""
    for chunk in np.array_split(pixels, -(-len(pixels) // CHUNK)):
        yield from_uint8(torch.from_numpy(chunk)).permute(0, 3, 1, 2)


def _latents(pixels: NDArray[np.uint8], vae: Autoencoder | None) -> NDArray[np.float16]:
    found = [x if vae is None else vae.encode(x) for x in _chunks(pixels)]
    return torch.cat(found).half().numpy()


def _thumbnails(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return torch.cat([to_uint8(F.adaptive_avg_pool2d(x, THUMBNAIL)) for x in _chunks(pixels)]).numpy()


def _face_points(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[N, L, 2] as fractions of the picture, NaN where no face was found."""
    found = np.full((len(pixels), POINTS, 2), np.nan, np.float32)
    last = None
    for index, picture in enumerate(pixels):
        frame = Frame(pixels=picture, index=index)
        # The face before tells where this one is; detection costs as much again.
        last = None if last is None else landmarks_near(frame, last)
        last = landmarks(frame) if last is None else last
        if last is not None:
            found[index] = last[:, :2] / picture.shape[0]
    return found


def random_crops(folder: Path, *, config: ModelConfig, seed: int = 0) -> CropSource:
    """Crops for train_vae: the middle frame of random clips, mirrored half the time. Frames are decoded once each."""
    manifest, rate = read_manifest(folder), Fraction(*config.frame_rate)
    kept: dict[str, NDArray[np.uint8]] = {}

    def middle(clip: str) -> NDArray[np.uint8]:
        if clip not in kept:
            frames = list(read_clip(folder / clip, rate=rate, pixels=config.pixels))
            kept[clip] = frames[len(frames) // 2]
        return kept[clip]

    def draw(step: int) -> NDArray[np.uint8]:
        rng = np.random.default_rng((seed, step))
        crops = []
        for i in rng.integers(0, len(manifest), BATCH):
            y, x = rng.integers(0, (config.pixels - CROP) // 8 + 1, 2) * 8
            picture = middle(manifest[i][0])[y : y + CROP, x : x + CROP]
            crops.append(picture[:, :: -1 if rng.random() < 0.5 else 1].transpose(2, 0, 1))
        return np.stack(crops)

    return draw
