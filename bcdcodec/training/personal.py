"""Weights of one person. In: weights, a video of the person. Out: a copy of the weights with a denoiser of its own.

The codes, their tables and the context model stay: bits are as before, and what the denoiser paints over the moved
content (teeth, the other side of a turned head, what hair uncovers) is no longer that of people in general.
"""

import csv
import tempfile
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError, VideoError
from bcdcodec.model.tensors import halved, save_tensors
from bcdcodec.model.weights import load_networks
from bcdcodec.training.clips import cache_clips
from bcdcodec.training.data import MIN_HALF_FRAMES
from bcdcodec.training.loop import TrainOptions, train
from bcdcodec.video.crop import crop as crop_square
from bcdcodec.video.lossless import write_lossless
from bcdcodec.video.reader import VideoReader
from bcdcodec.video.shots import frames_of_shots, plan_shots
from bcdcodec.weightfile import WeightsFile

#: Peak of the denoiser's learning rate: it begins where a long run ended.
LEARNING_RATE = 3e-4
#: Clips of a step; there are not many different ones.
BATCH = 6
#: Longest piece of a shot that is one clip: its frames are held in memory.
CLIP_FRAMES = 250


def personalize(
    source: Path,
    out: Path,
    *,
    weights: WeightsFile,
    steps: int,
    crop: bool = True,
    seed: int = 0,
    precision: str = "fp32",
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> None:
    """Train the denoiser of `weights` further on a video, `steps` updates, and write all of them to `out`.

    crop: as in `encode_file`. progress: (stage, done, total). Raises VideoError where no shot is long enough for two
    halves, FaceError, ConfigError for weights without an anchor: their denoiser paints alone, from codes.
    """
    config = replace(
        weights.config,
        optim=replace(weights.config.optim, learning_rate=LEARNING_RATE, batch=BATCH, across_clips=False),
    )
    if not config.denoiser.anchor_blocks:
        raise ConfigError(f"{weights.path} cannot be made one person's: its denoiser paints from codes alone")
    networks = load_networks(weights, torch.device("cpu"))
    with tempfile.TemporaryDirectory(prefix="bcd-personalize-") as name:
        clips, run = Path(name) / "clips", Path(name) / "run"
        write_clips(source, clips, config=config, crop=crop)
        cache_clips(
            clips,
            run / "latents",
            vae=networks.vae,
            config=config,
            progress=lambda done, total: progress("latents", done, total),
        )
        options = TrainOptions(
            run=run,
            cache=run / "latents",
            steps=steps,
            seed=seed,
            precision=precision,
            codes="keep",
            init=networks.bcd.state_dict(),
        )
        bcd = train(config, options, vae=networks.vae, progress=lambda step: progress("steps", step, steps))
    own = halved({f"bcd.dit.{name}": value for name, value in bcd.dit.state_dict().items()})
    save_tensors(out, load_file(weights.path) | own, metadata={"config": weights.config.to_json()})


def write_clips(source: Path, folder: Path, *, config: ModelConfig, crop: bool) -> None:
    """Every shot that gives two halves, cropped and without loss, and clips.csv beside them. Raises VideoError."""
    folder.mkdir(parents=True)
    rate = Fraction(*config.frame_rate)
    shots = plan_shots(source, rate, crop=crop)
    names: list[str] = []
    kept: list[np.ndarray] = []

    def close() -> None:
        if len(kept) >= 2 * MIN_HALF_FRAMES:
            names.append(f"{len(names):04d}.mkv")
            write_lossless(folder / names[-1], kept, rate=rate)
        kept.clear()

    with VideoReader(source, rate) as reader:
        for frame, shot, last in frames_of_shots(reader, shots):
            kept.append(crop_square(frame, shot.box, config.pixels).pixels)
            if last or len(kept) == CLIP_FRAMES:
                close()
    if not names:
        raise VideoError(f"{source} has no shot of {2 * MIN_HALF_FRAMES} frames at {float(rate):g} a second")
    with (folder / "clips.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("clip", "person"), *((name, "0") for name in names)])
