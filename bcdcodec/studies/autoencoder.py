"""Autoencoder study: reconstruction quality of an image autoencoder on stills of unseen people.

The middle frame of every clip goes through encoder and decoder, without codes or diffusion. It bounds the codec: no
frame that the denoiser reconstructs can be closer to its source.
"""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bcdcodec.config import ModelConfig, preset
from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.harness.clips import read_clips
from bcdcodec.evaluation.metrics.table import METRICS, loaded
from bcdcodec.model.vae import Vae, from_uint8, to_uint8
from bcdcodec.training.vae import load_vae
from bcdcodec.video.reader import read_clip
from bcdcodec.weightfile import find_file

#: Model preset whose autoencoder is measured.
PRESET = "face"


def run_study(clips: Path, *, weights: str, metrics: Sequence[str]) -> dict[str, float]:
    """Means over the stills by metric, and their number as `stills`. weights: of `bcd train-vae`, or of a model."""
    if unknown := sorted({*metrics} - {*METRICS}):
        raise ConfigError(f"unknown metrics {', '.join(unknown)}, known are {', '.join(METRICS)}")
    config, path = preset(PRESET), Path(weights)
    assert config.vae is not None, "the preset has an autoencoder"
    vae = load_vae(path if path.exists() else find_file(weights), config.vae)
    return measure(vae, middle_frames(clips, config), metrics)


def middle_frames(folder: Path, config: ModelConfig) -> Iterator[NDArray[np.uint8]]:
    """One still uint8 [P, P, 3] of each clip."""
    for clip in read_clips(folder):
        frames = list(read_clip(clip.path, rate=Fraction(*config.frame_rate), pixels=config.pixels))
        yield frames[len(frames) // 2]


@torch.inference_mode()
def reconstruct(vae: Vae, still: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A still [P, P, 3] through the autoencoder, its latents rounded to float16 as they are cached."""
    pixels = from_uint8(torch.from_numpy(still)).permute(2, 0, 1)[None]
    decoded = vae.decode(vae.encode(pixels).half().float())
    return np.ascontiguousarray(to_uint8(decoded)[0].permute(1, 2, 0).numpy())


def measure(vae: Vae, stills: Iterable[NDArray[np.uint8]], metrics: Sequence[str]) -> dict[str, float]:
    """Means over the stills by metric, and their number."""
    pairs = [(reconstruct(vae, still), still) for still in stills]
    decoded, source = (np.stack(side) for side in zip(*pairs, strict=True))
    return {"stills": len(pairs)} | {name: float(loaded(name)(decoded, source).mean()) for name in metrics}
