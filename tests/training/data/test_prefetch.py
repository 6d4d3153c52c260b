"""Batches that are drawn ahead are those that were drawn one by one, in their order."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch

from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError
from bcdcodec.training.data import shards
from bcdcodec.training.data.batch import CrossDrivenBatch
from bcdcodec.training.data.clips import ClipCache
from bcdcodec.training.data.prefetch import AHEAD, prefetch_batches
from bcdcodec.training.data.sampler import CrossDrivenSampler
from bcdcodec.training.run.sharding import ProcessShard


def tensors(batch: CrossDrivenBatch) -> Iterator[torch.Tensor]:
    found: list[torch.Tensor] = []
    batch.map(lambda values: found.append(values) or values)  # type: ignore[func-returns-value]
    yield from found


@pytest.mark.parametrize("share", [ProcessShard(), ProcessShard(1, 2)])
def test_order_and_content_are_those_of_the_sampler(
    clip_cache: Path, tiny_config: ModelConfig, share: ProcessShard
) -> None:
    sampler = CrossDrivenSampler.of(ClipCache(clip_cache, tiny_config), tiny_config, seed=5)
    apart = CrossDrivenSampler.of(ClipCache(clip_cache, tiny_config), tiny_config, seed=5)
    for first in (0, 7):  # a new run, and one that goes on
        drawn = [*prefetch_batches(lambda step: sampler.draw(step, share), range(first, 12), threads=3)]
        assert len(drawn) == 12 - first
        for step, batch in enumerate(drawn, first):
            wanted = [*tensors(apart.draw(step, share))]
            assert len(wanted) == 6
            for one, other in zip(tensors(batch), wanted, strict=True):
                assert torch.equal(one.nan_to_num(), other.nan_to_num())


def test_slow_draws_do_not_change_the_order(clip_cache: Path, tiny_config: ModelConfig) -> None:
    sampler = CrossDrivenSampler.of(ClipCache(clip_cache, tiny_config), tiny_config, seed=0)
    first, second = sampler.draw(0), sampler.draw(1)

    def draw(step: int) -> CrossDrivenBatch:
        time.sleep(0.02 * (step % 2 == 0))
        return second if step % 2 else first

    drawn = [*prefetch_batches(draw, range(6))]
    assert [batch is second for batch in drawn] == [False, True] * 3


def test_few_batches_wait_and_no_thread_stays(clip_cache: Path, tiny_config: ModelConfig) -> None:
    sampler = CrossDrivenSampler.of(ClipCache(clip_cache, tiny_config), tiny_config, seed=0)
    batch, asked = sampler.draw(0), []

    def draw(step: int) -> CrossDrivenBatch:
        asked.append(step)
        return batch

    with closing(prefetch_batches(draw, range(1000))) as batches:
        next(batches)
        next(batches)
    assert len(asked) <= AHEAD + 2
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("bcdcodec batches")]


def test_errors_are_raised_at_their_batch(clip_cache: Path, tiny_config: ModelConfig) -> None:
    sampler = CrossDrivenSampler.of(ClipCache(clip_cache, tiny_config), tiny_config, seed=0)

    def draw(step: int) -> CrossDrivenBatch:
        if step == 2:
            raise ConfigError("a shard is gone")
        return sampler.draw(step)

    with closing(prefetch_batches(draw, range(9))) as batches:
        next(batches)
        next(batches)
        with pytest.raises(ConfigError, match="a shard is gone"):
            next(batches)


def test_threads_share_an_array(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more shards than stay open."""
    monkeypatch.setattr(shards, "MAX_OPEN_SHARDS", 2)
    for index in range(8):
        with shards.ShardWriter(tmp_path, index, names=("a.i64",), columns=("clip",)) as shard:
            shard.append({"a.i64": np.arange(4)[:, None] + 4 * index}, (index,))
    array = shards.ShardedArray(shards.find_shards(tmp_path), "a.i64", np.int64, (1,))
    wrong: list[int] = []

    def read(seed: int) -> None:
        for row in np.random.default_rng(seed).integers(0, 32, 300):
            if array[int(row)][0] != row:
                wrong.append(int(row))

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
