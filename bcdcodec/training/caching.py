"""Implementation of `bcd data cache`: the clip cache that several runs share, made by one process or many.

Processes divide the shards by their index and know nothing of each other: a launcher need only set RANK, WORLD_SIZE and
LOCAL_RANK, as torchrun does, on however many machines that see the same folders.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from bcdcodec.config import preset
from bcdcodec.errors import ConfigError
from bcdcodec.model.device import choose_device
from bcdcodec.training.data.cache import cache_clips, cached_pieces, check_cache, is_cached
from bcdcodec.training.data.shards import SHARD_CLIPS
from bcdcodec.training.inputs import check_excerpts, check_mesh, check_writable, listed_clips, load_autoencoder
from bcdcodec.training.run.sharding import ProcessShard


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheOptions:
    """Settings of `bcd data cache`: folder of clips, folder of the cache, model preset, autoencoder, and as of
    `cache_clips` excerpts, seed and workers. device: as of `choose_device`.
    """

    clips: Path
    out: Path
    model: str
    vae: Path | None = None
    excerpts: int = 0
    seed: int = 0
    workers: int = 1
    device: str = "auto"


@dataclass(frozen=True, slots=True)
class CacheSummary:
    """Shards of this process and the clips in them. complete: whether the shards of all processes are there."""

    process: int
    processes: int
    shards: int
    clips: int
    complete: bool


def launched_share() -> ProcessShard:
    """The share of this process among those of a launcher, by its environment; ConfigError where that is damaged."""
    rank, size = (os.environ.get(name, default) for name, default in (("RANK", "0"), ("WORLD_SIZE", "1")))
    if not (rank.isdecimal() and size.isdecimal() and int(rank) < int(size)):
        raise ConfigError(f"RANK is {rank!r} and WORLD_SIZE {size!r}, needs a rank from 0 to below the size")
    return ProcessShard(int(rank), int(size))


def launched_device(name: str) -> torch.device:
    """The device of a name; of several GPUs the one of this process's rank on its machine."""
    device = choose_device(name)
    local = os.environ.get("LOCAL_RANK", "0")
    if device.type != "cuda" or not local.isdecimal():
        return device
    return torch.device("cuda", int(local) % torch.cuda.device_count())


def make_cache(options: CacheOptions, progress: Callable[[int, int], None] = lambda done, total: None) -> CacheSummary:
    """Make the missing ones of this process's shards. progress: (clips done, clips of this process).

    ConfigError for a clip that is not there, and as of `cache_clips`.
    """
    config, share = preset(options.model), launched_share()
    device = launched_device(options.device)
    check_excerpts(config, options.excerpts)
    check_writable(options.out)
    vae = load_autoencoder(config, options.vae)
    check_cache(options.clips, options.out, vae=vae, config=config, excerpts=options.excerpts, seed=options.seed)
    if not is_cached(options.out):
        for _ in listed_clips(options.clips):
            pass
        check_mesh(config)
    cache_clips(
        options.clips,
        options.out,
        vae=vae,
        config=config,
        excerpts=options.excerpts,
        seed=options.seed,
        workers=options.workers,
        share=share,
        device=device,
        progress=progress,
    )
    pieces = cached_pieces(options.out)
    own = share.numbers(-(-pieces // SHARD_CLIPS))
    clips = sum(min(SHARD_CLIPS, pieces - index * SHARD_CLIPS) for index in own)
    return CacheSummary(share.index, share.count, len(own), clips, is_cached(options.out))
