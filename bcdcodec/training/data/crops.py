"""Random crops of clips, which the autoencoder is trained on."""

from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.config import ModelConfig
from bcdcodec.training.data.cache import read_manifest
from bcdcodec.training.vae import BATCH, CROP, CropSource
from bcdcodec.video.reader import read_clip


def random_crops(folder: Path, *, config: ModelConfig, seed: int = 0) -> CropSource:
    """A source of crops for `train_vae`: from the middle frame of random clips, mirrored half the time.

    Each clip is decoded once.
    """
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
