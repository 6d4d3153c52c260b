"""Halves of clips: disjoint, reproducible, of the shapes asked for; what belongs together moves together."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError
from bcdcodec.training.data import sampler as sampler_module
from bcdcodec.training.data.batch import CrossDrivenBatch
from bcdcodec.training.data.clips import THUMBNAIL, ClipCache
from bcdcodec.training.data.sampler import CrossDrivenSampler, least_frames
from bcdcodec.training.data.shards import shard_path
from bcdcodec.video.landmarks import POINTS

SHAPE = (4, 32, 32)


@pytest.fixture
def paper_config(tiny_config: ModelConfig) -> ModelConfig:
    """Without a warper, so without faces."""
    return replace(tiny_config, denoiser=replace(tiny_config.denoiser, warp_blocks=0))


def sampler(folder: Path, config: ModelConfig, seed: int = 0) -> CrossDrivenSampler:
    return CrossDrivenSampler(ClipCache(folder, config), batch=3, content_frames=4, motion_frames=6, seed=seed)


def test_a_step_is_a_function_of_seed_and_step(clip_cache: Path, tiny_config: ModelConfig) -> None:
    first, again = (sampler(clip_cache, tiny_config).draw(5) for _ in range(2))
    assert torch.equal(first.content, again.content) and torch.equal(first.motion, again.motion)
    assert first.faces is not None and again.faces is not None
    assert torch.equal(first.faces.motion_points, again.faces.motion_points)
    assert not torch.equal(first.motion, sampler(clip_cache, tiny_config).draw(6).motion)
    assert not torch.equal(first.motion, sampler(clip_cache, tiny_config, seed=1).draw(5).motion)


def test_content_and_motion_share_no_frame(clip_cache: Path, paper_config: ModelConfig) -> None:
    for step in range(40):
        batch = sampler(clip_cache, paper_config).draw(step)
        assert batch.content.shape == (3, 4, *SHAPE) and batch.motion.shape == (3, 6, *SHAPE) and batch.faces is None
        apart = (batch.content[:, :, None] - batch.motion[:, None]).abs().amax((3, 4, 5))
        assert float(apart.min()) > 0


def test_without_cross_driving_content_is_of_the_same_frames(clip_cache: Path, paper_config: ModelConfig) -> None:
    """For the ablation of the paper."""
    for config, across in ((paper_config, False), (replace(paper_config, autoencoder="none"), True)):
        cache = ClipCache(clip_cache, config)

        def draw(step: int, driven: bool, cache: ClipCache = cache, across: bool = across) -> CrossDrivenBatch:
            return CrossDrivenSampler(
                cache,
                batch=3,
                content_frames=4,
                motion_frames=6,
                seed=0,
                across_clips=across,
                cross_driven=driven,
            ).draw(step)

        for step in range(10):
            batch = draw(step, driven=False)
            apart = (batch.content[:, :, None] - batch.motion[:, None]).abs().amax((3, 4, 5))  # [B, Ta, T]
            assert float(apart.amin(2).max()) == 0


def test_without_cross_driving_a_still_is_of_the_same_frames(
    clip_cache: Path, tiny_config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler_module, "SHIFTED", 0.0)
    cache = ClipCache(clip_cache, tiny_config)
    for driven in (True, False):
        drawn = CrossDrivenSampler(cache, batch=8, content_frames=1, motion_frames=6, seed=0, cross_driven=driven).draw(
            0
        )
        assert drawn.faces is not None
        sunk, places = (points[..., 0, 1] for points in (drawn.faces.content_points, drawn.faces.motion_points))
        nearest = (places - sunk[:, None]).abs().amin(1)  # faces sink, so every frame has a place of its own
        assert bool((nearest > 0).all()) if driven else bool((nearest == 0).any())


def test_short_clips_give_what_they_have(clip_cache: Path, paper_config: ModelConfig) -> None:
    cache = ClipCache(clip_cache, paper_config)
    drawn = CrossDrivenSampler(cache, batch=3, content_frames=4, motion_frames=40, seed=0).draw(0)
    assert drawn.motion.shape[1] == 12  # of 16, four are the content's
    across = CrossDrivenSampler(cache, batch=3, content_frames=4, motion_frames=40, seed=0, across_clips=True).draw(0)
    assert across.motion.shape[1] == 16


def test_content_across_clips_is_the_same_person(
    clip_cache: Path, paper_config: ModelConfig, tiny_config: ModelConfig
) -> None:
    """Drawn pictures, too: they are never mirrored, so every frame is found as it was."""
    drawn = replace(paper_config, autoencoder="none")
    cache = ClipCache(clip_cache, drawn)
    everything = torch.from_numpy(np.array(cache.latents)).float().flatten(1)
    across = CrossDrivenSampler(cache, batch=3, content_frames=4, motion_frames=6, seed=0, across_clips=True)
    other_clips = 0
    for step in range(10):
        batch = across.draw(step)
        for content, motion in zip(batch.content, batch.motion, strict=True):
            places = [int((everything - frame.flatten()).abs().amax(1).argmin()) for frame in (*content, *motion)]
            found = everything[places]
            assert torch.equal(found, torch.cat([content, motion]).flatten(1))
            clips = [place // 16 for place in places]
            assert len(set(clips[:4])) == 1 and len(set(clips[4:])) == 1
            assert clips[0] % 4 == clips[4] % 4  # clip i is of person i % 4
            assert places[4:] == list(range(places[4], places[4] + 6))
            other_clips += clips[0] != clips[4]
    assert other_clips > 5
    with pytest.raises(ConfigError, match="without a warper"):
        CrossDrivenSampler(
            ClipCache(clip_cache, tiny_config),
            batch=3,
            content_frames=4,
            motion_frames=6,
            seed=0,
            across_clips=True,
        )


def test_motion_frames_are_consecutive(clip_cache: Path, paper_config: ModelConfig) -> None:
    everything = torch.from_numpy(np.array(ClipCache(clip_cache, paper_config).latents)).float()
    for clip in sampler(clip_cache, paper_config).draw(0).motion:
        for candidate in (clip, clip.flip(-1)):
            found = [int((everything - frame).abs().amax((1, 2, 3)).argmin()) for frame in candidate]
            if torch.equal(everything[found], candidate):
                assert found == list(range(found[0], found[0] + 6))
                break
        else:
            pytest.fail("a motion half is not a run of cached frames")


def test_pictures_show_the_frames_of_the_latents(
    clip_cache: Path, tiny_config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the motion half was shifted or not."""
    for shifted in (0.0, 1.0):
        monkeypatch.setattr(sampler_module, "SHIFTED", shifted)
        batch = sampler(clip_cache, tiny_config).draw(3)
        assert batch.faces is not None and batch.content.shape == (3, 1, *SHAPE)
        assert batch.faces.picture.shape == (3, 3, 256, 256)
        assert batch.faces.thumbnails.shape == (3, 6, 3, THUMBNAIL, THUMBNAIL)
        for z, pictures in ((batch.content[:, 0], batch.faces.picture), (batch.motion, batch.faces.thumbnails)):
            step = pictures.shape[-1] // 32
            shown = (pictures[..., ::step, ::step].float() - 127) / 60
            torch.testing.assert_close(shown, z[..., :3, :, :].clamp(-2, 2), atol=0.05, rtol=0)


def test_points_move_with_the_shift(
    clip_cache: Path, tiny_config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler_module, "SHIFTED", 1.0)
    seen = set()
    for step in range(8):
        faces = sampler(clip_cache, tiny_config).draw(step).faces
        assert faces is not None and faces.motion_points.shape == (3, 6, POINTS, 2)
        across = (faces.motion_points - faces.content_points[:, None])[..., 0] * 32  # faces only sink by themselves
        torch.testing.assert_close(across, across.round(), atol=1e-3, rtol=0)
        seen |= {round(x) for x in across[:, 0, 0].tolist()}
    assert seen == {-2, -1, 0, 1, 2}


def test_no_usable_clip_is_an_error(tmp_path: Path, paper_config: ModelConfig) -> None:
    shard = shard_path(tmp_path, 0)
    shard.mkdir()
    np.zeros((5, *SHAPE), np.float16).tofile(shard / "latents.f16")
    (shard / "index.csv").write_text("clip,person,frames,stills\na,p,5,0\n")
    with pytest.raises(ConfigError, match="two halves"):
        sampler(tmp_path, paper_config)
    with pytest.raises(ConfigError, match="no shards of clips"):
        ClipCache(tmp_path / "nothing", paper_config)


def whole(config: ModelConfig, **switches: bool) -> ModelConfig:
    """Halves as in the paper, of pictures that are not mirrored."""
    switches = {"whole_halves": True, "mirrored": False, **switches}
    return replace(config, context_frames=0, optim=replace(config.optim, **switches))  # type: ignore[arg-type]


@pytest.mark.parametrize("frames", [3, 8, 25])
def test_whole_halves_meet_in_the_middle(clip_cache: Path, paper_config: ModelConfig, frames: int) -> None:
    """All of the first half is content, all of the second is motion; windows that are longer take what there is."""
    config = replace(whole(paper_config), window_frames=frames)
    cache = ClipCache(clip_cache, config)
    everything = torch.from_numpy(np.array(cache.latents)).float().flatten(1)
    starts = set()
    for step in range(6):
        batch = CrossDrivenSampler.of(cache, config, seed=0, batch=3).draw(step)
        for content, motion in zip(batch.content, batch.motion, strict=True):
            both = torch.cat([content, motion]).flatten(1)
            places = [int((everything - frame).abs().amax(1).argmin()) for frame in both]
            assert torch.equal(everything[places], both)
            first, half = places[0] % 16, min(frames, 8)
            assert [place % 16 for place in places] == list(range(first, first + 2 * half))
            assert len({place // 16 for place in places}) == 1
            starts.add(first)
    assert starts == {0} if frames > 3 else len(starts) > 3


def test_a_clip_of_two_frames_has_two_halves(tmp_path: Path, paper_config: ModelConfig) -> None:
    shard = shard_path(tmp_path, 0)
    shard.mkdir()
    np.arange(7, dtype=np.float16)[:, None, None, None].repeat(4 * 32 * 32, 1).tofile(shard / "latents.f16")
    (shard / "index.csv").write_text("clip,person,frames,stills\na,p,2,0\nb,p,5,0\n")
    config = whole(paper_config)
    drawn = CrossDrivenSampler.of(ClipCache(tmp_path, config), config, seed=0, batch=32, motion_frames=4).draw(0)
    pairs = {
        (*content.tolist(), *motion.tolist())
        for content, motion in zip(*(part[..., 0, 0, 0] for part in (drawn.content, drawn.motion)), strict=True)
    }
    assert pairs == {(0, 0, 1, 1), (2, 3, 4, 5), (3, 4, 5, 6)}  # a short half repeats its last frame
    assert least_frames(config) == 2 and least_frames(paper_config) == 8


def test_without_cross_driving_whole_halves_are_one(clip_cache: Path, paper_config: ModelConfig) -> None:
    config = whole(paper_config)
    drawn = CrossDrivenSampler.of(ClipCache(clip_cache, config), config, seed=0, batch=3, cross_driven=False).draw(0)
    assert torch.equal(drawn.content, drawn.motion)


def test_whole_halves_need_clips_without_faces_and_one_source(
    clip_cache: Path, paper_config: ModelConfig, tiny_config: ModelConfig
) -> None:
    for config, why in (
        (whole(tiny_config), "whole halves are for"),
        (whole(paper_config, across_clips=True), "not both"),
    ):
        with pytest.raises(ConfigError, match=why):
            CrossDrivenSampler.of(ClipCache(clip_cache, config), config, seed=0)


def test_clips_are_drawn_alike_and_not_mirrored_where_configured(clip_cache: Path, paper_config: ModelConfig) -> None:
    """Clip 0 becomes the only one of its person: with balance it is drawn more often than one of several."""
    index = shard_path(clip_cache, 0) / "index.csv"
    index.write_text(index.read_text().replace("c0,p0", "c0,alone"))
    weights = {}
    for balanced in (True, False):
        config = replace(paper_config, optim=replace(paper_config.optim, balanced_people=balanced))
        weights[balanced] = CrossDrivenSampler.of(ClipCache(clip_cache, config), config, seed=0).weight
    assert weights[True][0] > 1.3 * weights[True][1] and weights[False].tolist() == [1 / 8] * 8
    assert ClipCache(clip_cache, paper_config).may_mirror
    assert not ClipCache(clip_cache, whole(paper_config)).may_mirror
