"""A folder of clips, decoded. In: DIR/clips.csv (columns `clip`, `person`) and the clips. Out: latent cache, VAE
crops.
"""

import csv
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError
from bcdcodec.model.anchor import Autoencoder
from bcdcodec.model.vae import from_uint8
from bcdcodec.training.data import THUMBNAIL
from bcdcodec.training.vae import BATCH, CROP, CropSource
from bcdcodec.video.crop import crop, largest_square
from bcdcodec.video.reader import VideoReader

#: Frames encoded at once.
CHUNK = 32
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


def read_clip(path: Path, *, rate: Fraction, pixels: int) -> Iterator[NDArray[np.uint8]]:
    """Frames of one clip as uint8 [pixels, pixels, 3] at the given rate; a clip is taken as cropped already."""
    with VideoReader(path, rate) as reader:
        box = largest_square(reader.width, reader.height)
        for frame in reader:
            yield crop(frame, box, pixels).pixels


@torch.inference_mode()
def cache_latents(folder: Path, out: Path, *, vae: Autoencoder | None, config: ModelConfig, progress: Progress) -> None:
    """Encode every clip once into `out` (see LatentCache). Done already: returns at once; cut off: starts again."""
    if (out / "index.csv").exists():
        return
    out.mkdir(parents=True, exist_ok=True)
    manifest, rate, start = read_manifest(folder), Fraction(*config.frame_rate), 0
    rows: list[tuple[str, str, int, int]] = []
    with (out / "latents.f16").open("wb") as file, (out / "thumbnails.u8").open("wb") as small:
        for done, (clip, person) in enumerate(manifest):
            pixels = np.stack(list(read_clip(folder / clip, rate=rate, pixels=config.pixels)))
            for chunk in np.array_split(pixels, -(-len(pixels) // CHUNK)):
                x = from_uint8(torch.from_numpy(chunk)).permute(0, 3, 1, 2)
                z = x if vae is None else vae.encode(x)
                file.write(z.half().numpy().tobytes())
                small.write(F.interpolate(x, THUMBNAIL, mode="area").add(1).mul(127.5).round().byte().numpy().tobytes())
            rows.append((clip, person, start, len(pixels)))
            start += len(pixels)
            progress(done + 1, len(manifest))
    with (out / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["clip", "person", "start", "frames"])
        writer.writerows(rows)


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
