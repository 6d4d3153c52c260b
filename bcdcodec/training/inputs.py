"""Inputs of `bcd train codec`, and all that a run would be refused for: found before hours of reading clips.

A dry run checks the same, and writes nothing.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from torch import Tensor

from bcdcodec.config import PUBLIC_AUTOENCODER, ModelConfig, preset
from bcdcodec.errors import ConfigError
from bcdcodec.frame import Frame
from bcdcodec.model.device import choose_device
from bcdcodec.model.sd_vae import StableDiffusionVae, load_sd_vae
from bcdcodec.model.vae import Vae
from bcdcodec.training.data.cache import check_cache, check_made_cache, is_cached, read_manifest
from bcdcodec.training.data.sampler import least_frames
from bcdcodec.training.objective.schedule import Schedule
from bcdcodec.training.options import CodecTrainOptions
from bcdcodec.training.run.training_run import check_run
from bcdcodec.training.start import load_start, refined
from bcdcodec.training.vae import load_vae
from bcdcodec.video.landmarks import follow_landmarks
from bcdcodec.video.reader import VideoReader

#: The cache of held-out clips in a run folder.
HELD_OUT = "held_out"
#: Compilers that torch.compile can use.
COMPILERS = ("g++", "clang++", "c++", "cl")


@dataclass(frozen=True, slots=True)
class TrainingInputs:
    """What a run starts from. cache: the folder of its clip cache. init: state of the model, None for a new one."""

    config: ModelConfig
    cache: Path
    vae: Vae | StableDiffusionVae | None
    init: dict[str, Tensor] | None


def run_config(options: CodecTrainOptions) -> ModelConfig:
    """The configuration of a run: its preset, with batches of as many clips as an update has. A run that goes on with
    the codes of other weights starts at the temperature that they ended with.
    """
    config = preset(options.model)
    batch = (options.batch or config.optim.batch) * options.accumulate
    config = replace(config, optim=replace(config.optim, batch=batch))
    if options.init is None or options.train != "all":
        return config
    schedule = Schedule.of(config, options.updates, reinit_codebooks=options.reinit_codebooks)
    return config if schedule.quantized_from else refined(config)


def open_inputs(options: CodecTrainOptions) -> TrainingInputs:
    """Load the weights, and check the clips and the run folder. Raises ConfigError, WeightsError, VideoError."""
    config = run_config(options)
    if options.compiled and not any(map(shutil.which, COMPILERS)):
        raise ConfigError(f"--compile needs a C++ compiler, found none of {', '.join(COMPILERS)}")
    choose_device(options.device)
    check_writable(options.run)
    check_run(options.run, config)
    check_source(options)
    cache = options.cache or cache_folder(options.run, config, options.excerpts)
    if options.data is not None:
        read_manifest(options.data)
    init, vae = None, None
    if options.init is not None:
        start = load_start(options.init, config)
        init, vae = start.state, start.vae
    if options.init is None or options.vae is not None:
        vae = load_autoencoder(config, options.vae)
    if options.data is None:
        check_made_cache(cache, vae=vae, config=config)
    else:
        check_cache(options.data, cache, vae=vae, config=config, excerpts=options.excerpts, seed=options.seed)
        if not is_cached(cache):
            check_clip_files(options.data, config)
    if isinstance(options.held_out, Path):
        _check_held_out(options.held_out, options, vae, config)
    return TrainingInputs(config, cache, vae, init)


def check_source(options: CodecTrainOptions) -> None:
    """ConfigError unless clips come from a folder or from a cache, and excerpts from a folder."""
    if (options.data is None) == (options.cache is None):
        raise ConfigError("clips come from --data or from --cache, needs one of the two")
    if options.cache is not None and options.excerpts:
        raise ConfigError("--excerpts are made of --data; a cache of them is made by `bcd data cache --excerpts`")


def _check_held_out(
    folder: Path, options: CodecTrainOptions, vae: Vae | StableDiffusionVae | None, config: ModelConfig
) -> None:
    """ConfigError where the clips of other people are those of the run, or their cache is of something else."""
    if options.data is not None and options.data.resolve() == folder.resolve():
        raise ConfigError(f"--held-out {folder} is the folder of --data, needs clips of other people")
    cache = options.run / HELD_OUT
    check_cache(folder, cache, vae=vae, config=config)
    if not is_cached(cache):
        check_clip_files(folder, config)


def check_writable(folder: Path) -> None:
    """ConfigError where a folder can neither be written into nor made."""
    present = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not present.is_dir():
        raise ConfigError(f"{present} is a file, needs a folder")
    if not os.access(present, os.W_OK | os.X_OK):
        raise ConfigError(f"folder {present} cannot be written into")


def check_clip_files(folder: Path, config: ModelConfig) -> None:
    """Open every clip of a list: ConfigError for one that is missing or where all are too short, VideoError for one
    that cannot be read, MissingExtraError where faces are needed and cannot be found.
    """
    rate, needed, longest = Fraction(*config.frame_rate), least_frames(config), 0.0
    check_mesh(config)
    for path in listed_clips(folder):
        with VideoReader(path, rate, threads=1) as reader:
            length = reader.duration_s
        longest = max(longest, float("inf") if length is None else round(length * rate))
    if longest < needed:
        raise ConfigError(
            f"no clip of {folder} has the {needed} frames that two halves need, the longest has {longest:.0f} at "
            f"{float(rate):g} frames a second"
        )


def listed_clips(folder: Path) -> Iterator[Path]:
    """Yield the clips of a list in order; ConfigError at one that is missing."""
    for clip, _ in read_manifest(folder):
        path = folder / clip
        if not path.is_file():
            raise ConfigError(f"{folder / 'clips.csv'} names {clip}, which is not in the folder")
        yield path


def check_mesh(config: ModelConfig) -> None:
    """MissingExtraError where a preset needs faces and they cannot be found."""
    if config.denoiser.warp_blocks:
        follow_landmarks(Frame(pixels=np.zeros((64, 64, 3), np.uint8), index=0), None)


def check_excerpts(config: ModelConfig, excerpts: int) -> None:
    """ConfigError for excerpts of drawn figures."""
    if excerpts and (config.optim.across_clips or config.autoencoder == "none"):
        raise ConfigError(f"--excerpts is for presets of filmed faces, {config.name} is of drawn figures")


def cache_folder(run: Path, config: ModelConfig, excerpts: int) -> Path:
    """The clip cache of a run. ConfigError for excerpts of drawn figures, and for a run that used excerpts before."""
    excerpt_cache = run / "excerpts"
    if not excerpts and excerpt_cache.exists():
        raise ConfigError(f"{run} learned from excerpts; give --excerpts again, or take another run")
    check_excerpts(config, excerpts)
    return excerpt_cache if excerpts else run / "latents"


def load_autoencoder(config: ModelConfig, path: Path | None) -> Vae | StableDiffusionVae | None:
    """Load the autoencoder of a preset, from a file of `bcd train vae` where it is a small one. Raises ConfigError."""
    if config.autoencoder == "none":
        return None
    if config.autoencoder == PUBLIC_AUTOENCODER:
        return load_sd_vae()
    assert config.vae is not None, "a small autoencoder has a configuration"
    if path is None:
        raise ConfigError(f"preset {config.name} needs an autoencoder; train one with `bcd train vae`, then give --vae")
    return load_vae(path, config.vae)
