"""Halves of clips: disjoint, reproducible, of the shapes asked for."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bcdcodec.errors import ConfigError
from bcdcodec.training.data import HalvesSampler, LatentCache

SHAPE = (4, 32, 32)


def sampler(folder: Path, seed: int = 0) -> HalvesSampler:
    return HalvesSampler(LatentCache(folder, SHAPE), batch=3, content_frames=4, motion_frames=6, seed=seed)


def test_a_step_is_a_function_of_seed_and_step(latent_cache: Path) -> None:
    first, again = sampler(latent_cache).draw(5), sampler(latent_cache).draw(5)
    assert torch.equal(first.content, again.content) and torch.equal(first.motion, again.motion)
    assert not torch.equal(first.motion, sampler(latent_cache).draw(6).motion)
    assert not torch.equal(first.motion, sampler(latent_cache, seed=1).draw(5).motion)


def test_content_and_motion_share_no_frame(latent_cache: Path) -> None:
    for step in range(40):
        batch = sampler(latent_cache).draw(step)
        assert batch.content.shape == (3, 4, *SHAPE) and batch.motion.shape == (3, 6, *SHAPE)
        assert batch.content_pictures.shape == (3, 4, 3, 64, 64) and batch.motion_pictures.shape == (3, 6, 3, 64, 64)
        apart = (batch.content[:, :, None] - batch.motion[:, None]).abs().amax((3, 4, 5))
        assert float(apart.min()) > 0


def test_motion_frames_are_consecutive(latent_cache: Path) -> None:
    cache = LatentCache(latent_cache, SHAPE)
    everything = torch.from_numpy(np.array(cache.latents)).float()
    for clip in sampler(latent_cache).draw(0).motion:
        for candidate in (clip, clip.flip(-1)):
            found = [int((everything - frame).abs().amax((1, 2, 3)).argmin()) for frame in candidate]
            if torch.equal(everything[found], candidate):
                assert found == list(range(found[0], found[0] + 6))
                break
        else:
            pytest.fail("a motion half is not a run of cached frames")


def test_no_usable_clip_is_an_error(tmp_path: Path) -> None:
    np.zeros((5, *SHAPE), np.float16).tofile(tmp_path / "latents.f16")
    np.zeros((5, 3, 64, 64), np.uint8).tofile(tmp_path / "thumbnails.u8")
    (tmp_path / "index.csv").write_text("clip,person,start,frames\na,p,0,5\n")
    with pytest.raises(ConfigError, match="two halves"):
        sampler(tmp_path)
    with pytest.raises(ConfigError, match=r"index\.csv"):
        LatentCache(tmp_path / "nothing", SHAPE)


def test_thumbnails_show_the_frames_of_the_latents(latent_cache: Path) -> None:
    batch = sampler(latent_cache).draw(3)
    for z, pictures in ((batch.content, batch.content_pictures), (batch.motion, batch.motion_pictures)):
        shown = pictures[..., ::2, ::2] * 255 / 60 - 127 / 60
        torch.testing.assert_close(shown, z[:, :, :3].clamp(-2, 2), atol=0.05, rtol=0)


def test_a_cache_that_does_not_match_is_refused(latent_cache: Path) -> None:
    (latent_cache / "thumbnails.u8").write_bytes(bytes(3 * 64 * 64))
    with pytest.raises(ConfigError, match="128 latents and 1 thumbnails"):
        LatentCache(latent_cache, SHAPE)
