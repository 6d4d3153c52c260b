"""What an image autoencoder gives back of stills it has not seen. In: clips, weights. Out: means, by metric.

The middle frame of every clip goes through encoder and decoder as it is, without codes or diffusion: no frame that the
denoiser paints anew can be nearer than that.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from bcdcodec import BcdError
from bcdcodec.config import ModelConfig, preset
from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.harness.clips import read_clips
from bcdcodec.evaluation.metrics.table import METRICS
from bcdcodec.model.vae import Vae, from_uint8, to_uint8
from bcdcodec.training.vae import load_vae
from bcdcodec.video.clip import read_clip
from bcdcodec.weightfile import DEFAULT_NAME, find_weights

PRESET = "face"
NAMES = ("psnr", "ssim", "lpips-alex", "dists")


def middle_frames(folder: Path, config: ModelConfig) -> Iterable[NDArray[np.uint8]]:
    """One still uint8 [P, P, 3] of each clip."""
    for clip in tqdm(read_clips(folder), unit="clip", disable=None):
        frames = list(read_clip(clip.path, rate=Fraction(*config.frame_rate), pixels=config.pixels))
        yield frames[len(frames) // 2]


@torch.inference_mode()
def there_and_back(vae: Vae, still: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A still [P, P, 3] through the autoencoder, its latents rounded to float16 as they are cached."""
    pixels = from_uint8(torch.from_numpy(still)).permute(2, 0, 1)[None]
    decoded = vae.decode(vae.encode(pixels).half().float())
    return np.ascontiguousarray(to_uint8(decoded)[0].permute(1, 2, 0).numpy())


def measure(vae: Vae, stills: Iterable[NDArray[np.uint8]], names: Sequence[str]) -> dict[str, float]:
    """Means over the stills by metric, and how many they are."""
    pairs = [(there_and_back(vae, still), still) for still in stills]
    found, expected = (np.stack(side) for side in zip(*pairs, strict=True))
    return {"stills": len(pairs)} | {name: float(METRICS[name].load()(found, expected).mean()) for name in names}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("clips", type=Path, help="folder with a clips.csv, of people it has not learned from")
    parser.add_argument("--weights", default=DEFAULT_NAME, help="of bcd train-vae, or a whole model's (face)")
    parser.add_argument("--metrics", default=",".join(NAMES), help=f"names, with commas ({','.join(NAMES)})")
    parser.add_argument("--json", action="store_true", help="print the numbers for a program to read")
    options = parser.parse_args(arguments)
    names = options.metrics.split(",")
    try:
        unknown = sorted(set(names) - set(METRICS))
        if unknown:
            raise ConfigError(f"unknown metrics {', '.join(unknown)}, known are {', '.join(METRICS)}")
        config, given = preset(PRESET), Path(options.weights)
        assert config.vae is not None, "the preset has an autoencoder"
        vae = load_vae(given if given.exists() else find_weights(options.weights).path, config.vae)
        found = measure(vae, middle_frames(options.clips, config), names)
    except BcdError as error:
        print(f"measure_vae: error: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(found))
    else:
        said = ", ".join(f"{name} {found[name]:.3f} {METRICS[name].unit}".strip() for name in names)
        print(f"{found['stills']} stills: {said}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
