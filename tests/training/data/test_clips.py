"""Clips of a cache folder as training reads them."""

from pathlib import Path

import pytest

from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError
from bcdcodec.training.data.clips import ClipCache, still_frames
from bcdcodec.training.data.shards import shard_path


def test_stills_are_frames_of_their_clip() -> None:
    assert still_frames(8).tolist() == [2, 6]
    assert still_frames(50).tolist() == [5, 15, 25, 35, 45]


def test_a_cache_that_does_not_match_is_refused(clip_cache: Path, tiny_config: ModelConfig) -> None:
    (shard_path(clip_cache, 0) / "thumbnails.u8").write_bytes(bytes(7))
    with pytest.raises(ConfigError, match=r"thumbnails\.u8 has 7 bytes, which are no whole rows"):
        ClipCache(clip_cache, tiny_config)
