"""One process of those that make a cache, for test_caching.py: share_a_cache.py CLIPS CACHE."""

import sys
from pathlib import Path

import torch

from bcdcodec.training import caching
from bcdcodec.training.data import cache

torch.set_num_threads(1)
cache.SHARD_CLIPS = caching.SHARD_CLIPS = 2
clips, out = map(Path, sys.argv[1:])
summary = caching.make_cache(caching.CacheOptions(clips=clips, out=out, model="sprites-tiny", device="cpu"))
print(summary.process, summary.processes, summary.shards, summary.clips)
