"""Caches of the size of LRS3: the index of 300 000 clips, and batches drawn from it; arrays are holes in files."""

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bcdcodec.config import ModelConfig, preset
from bcdcodec.training.data.clips import ClipCache
from bcdcodec.training.data.sampler import CrossDrivenSampler
from bcdcodec.training.data.shards import MAX_OPEN_SHARDS, SHARD_CLIPS, find_shards, shard_path

CLIPS, FRAMES, PEOPLE = 300_000, 50, 5_000
LATENT_BYTES = 4 * 32 * 32 * 2
#: The index and the sampler in a process; shards of arrays come on top, as mapped files.
MOST_BYTES = 200e6


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    for index in range(-(-CLIPS // SHARD_CLIPS)):
        shard = shard_path(folder, index)
        shard.mkdir()
        clips = range(index * SHARD_CLIPS, min(CLIPS, (index + 1) * SHARD_CLIPS))
        rows = "".join(f"{clip:06d}.mp4,p{clip % PEOPLE},{FRAMES},0\n" for clip in clips)
        (shard / "index.csv").write_text("clip,person,frames,stills\n" + rows)
        with (shard / "latents.f16").open("wb") as file:
            file.truncate(len(clips) * FRAMES * LATENT_BYTES)
    return folder


@pytest.fixture(scope="module")
def config() -> ModelConfig:
    lrs3 = preset("lrs3")
    return replace(lrs3, optim=replace(lrs3.optim, batch=4))


def test_the_index_takes_bounded_memory(large: Path, config: ModelConfig) -> None:
    tracemalloc.start()
    try:
        cache = ClipCache(large, config)
        sampler = CrossDrivenSampler.of(cache, config, seed=0)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(sampler.entries) == CLIPS and cache.latents.shape == (CLIPS * FRAMES, 4, 32, 32)
    assert used < MOST_BYTES


def test_clips_are_drawn_from_everywhere(large: Path, config: ModelConfig) -> None:
    cache = ClipCache(large, config)
    assert len(find_shards(large)) == 1172 and cache.entries[-1].start == (CLIPS - 1) * FRAMES
    with shard_path(large, 1171).joinpath("latents.f16").open("r+b") as file:
        file.seek(-LATENT_BYTES, 2)
        file.write(np.ones(LATENT_BYTES // 2, np.float16).tobytes())
    assert (cache.latents[CLIPS * FRAMES - 1] == 1).all() and not cache.latents[CLIPS * FRAMES // 2].any()
    sampler = CrossDrivenSampler.of(cache, config, seed=0, batch=2 * MAX_OPEN_SHARDS)
    chosen = sampler.choose(0)
    assert len({index // SHARD_CLIPS for index in chosen}) > MAX_OPEN_SHARDS
    assert CrossDrivenSampler.of(cache, config, seed=0).draw(3).motion.shape == (4, 25, 4, 32, 32)


@pytest.mark.parametrize("balanced", [False, True])
def test_clips_are_chosen_as_by_numpy(large: Path, config: ModelConfig, balanced: bool) -> None:
    config = replace(config, optim=replace(config.optim, balanced_people=balanced))
    sampler = CrossDrivenSampler.of(ClipCache(large, config), config, seed=3, batch=100)
    for step in (0, 17):
        wanted = np.random.default_rng((3, step)).choice(CLIPS, 100, p=sampler.weight)
        assert np.array_equal(sampler.choose(step), wanted)
