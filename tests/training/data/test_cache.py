"""The cache of a folder of clips: what it holds, and that it is not taken for another model's."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError
from bcdcodec.model.vae import Vae
from bcdcodec.training.data import cache as cache_module
from bcdcodec.training.data import shards
from bcdcodec.training.data.cache import MADE_WITH, cache_clips, is_cached
from bcdcodec.training.data.clips import ClipCache, still_frames
from bcdcodec.training.data.prepared import excerpt_frames
from bcdcodec.training.data.sampler import CrossDrivenSampler


@pytest.fixture
def meshes() -> None:
    """Face meshes can be made here."""
    pytest.importorskip("ai_edge_litert")


@pytest.fixture
def clips(tmp_path: Path, talking_clip: Path) -> Path:
    """Two clips of two people, without faces."""
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4"):
        (folder / name).write_bytes(talking_clip.read_bytes())
    (folder / "clips.csv").write_text("clip,person\na.mp4,x\nb.mp4,y\n")
    return folder


def make_vae(config: ModelConfig, seed: int) -> Vae:
    assert config.vae is not None
    torch.manual_seed(seed)
    return Vae(config.vae).eval().requires_grad_(False)


@pytest.mark.usefixtures("meshes")
def test_a_cache_holds_every_frame(clips: Path, tmp_path: Path, tiny_config: ModelConfig) -> None:
    vae, done = make_vae(tiny_config, 0), []
    cache_clips(clips, tmp_path / "cache", vae=vae, config=tiny_config, progress=lambda *counts: done.append(counts))
    cache = ClipCache(tmp_path / "cache", tiny_config)
    assert done == [(1, 2), (2, 2)]
    assert [(e.clip, e.person, e.start, e.frames) for e in cache.entries] == [
        ("a.mp4", "x", 0, 25),
        ("b.mp4", "y", 25, 25),
    ]
    assert len(cache.latents) == len(cache.thumbnails) == len(cache.landmarks) == 50
    assert [(e.first_still, e.stills) for e in cache.entries] == [(0, 2), (2, 2)]
    assert np.isnan(cache.landmarks).all()
    # A still is its frame but for the coding, and its latents are the still's own.
    thumbnail = cache.stills[0].reshape(3, 128, 2, 128, 2).mean((2, 4))
    assert np.abs(thumbnail - cache.thumbnails[still_frames(25)[0]]).mean() < 20
    again = vae.encode(torch.from_numpy(np.array(cache.stills[:1])) / 127.5 - 1)
    torch.testing.assert_close(torch.from_numpy(np.array(cache.still_latents[:1])).float(), again, atol=0.01, rtol=0.01)


def test_a_model_without_a_warper_needs_no_faces(clips: Path, tmp_path: Path, tiny_config: ModelConfig) -> None:
    paper = replace(tiny_config, denoiser=replace(tiny_config.denoiser, warp_blocks=0, landmarks=0))
    cache_clips(clips, tmp_path / "cache", vae=make_vae(paper, 0), config=paper, progress=lambda *counts: None)
    names = {path.name for path in (tmp_path / "cache").iterdir()}
    assert names == {"shard-00000", MADE_WITH}
    assert {path.name for path in (tmp_path / "cache/shard-00000").iterdir()} == {"index.csv", "latents.f16"}


def test_a_cache_is_used_again_but_not_for_another_autoencoder(
    clips: Path, tmp_path: Path, tiny_config: ModelConfig
) -> None:
    out = tmp_path / "cache"
    paper = replace(tiny_config, denoiser=replace(tiny_config.denoiser, warp_blocks=0, landmarks=0))

    def fill(seed: int) -> None:
        cache_clips(clips, out, vae=make_vae(paper, seed), config=paper, progress=lambda *counts: None)

    fill(0)
    before = (out / "shard-00000/latents.f16").stat().st_mtime_ns
    fill(0)
    assert (out / "shard-00000/latents.f16").stat().st_mtime_ns == before
    with pytest.raises(ConfigError, match="another autoencoder"):
        fill(1)
    (clips / "clips.csv").write_text("clip,person\na.mp4,x\n")
    with pytest.raises(ConfigError, match=r"holds 2 whole clips, list \w+, asked for are 1 whole clips, list"):
        fill(0)


def test_a_cache_that_was_cut_off_goes_on(
    clips: Path, tmp_path: Path, tiny_config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the last whole shard; what comes out is what one pass would have made."""
    paper = replace(tiny_config, denoiser=replace(tiny_config.denoiser, warp_blocks=0, landmarks=0))
    vae, done = make_vae(paper, 0), list[tuple[int, int]]()
    for module in (cache_module, shards):
        monkeypatch.setattr(module, "SHARD_CLIPS", 2, raising=False)

    def fill(name: str, stop: int | None = None, workers: int = 1) -> Path:
        def progress(*counts: int) -> None:
            done.append((counts[0], counts[1]))
            if counts[0] == stop:
                raise KeyboardInterrupt

        out = tmp_path / name
        cache_clips(clips, out, vae=vae, config=paper, progress=progress, excerpts=5, workers=workers)
        return out

    with pytest.raises(KeyboardInterrupt):
        fill("cut", stop=4)
    cut = tmp_path / "cut"
    assert sorted(path.name for path in cut.iterdir()) == [MADE_WITH, "shard-00000"] and not is_cached(cut)
    done.clear()
    assert is_cached(fill("cut")) and done == [(3, 5), (4, 5), (5, 5)]
    whole = fill("whole", workers=2)
    for number in range(3):
        for name in ("latents.f16", "index.csv"):
            first, second = (shards.shard_path(folder, number) / name for folder in (cut, whole))
            assert first.read_bytes() == second.read_bytes()
    assert len(ClipCache(cut, paper).entries) == 5


def test_excerpts_are_short_and_the_same_every_time(clips: Path, tmp_path: Path, tiny_config: ModelConfig) -> None:
    paper = replace(tiny_config, denoiser=replace(tiny_config.denoiser, warp_blocks=0, landmarks=0))
    vae, done = make_vae(paper, 0), list[tuple[int, int]]()

    def fill(name: str, *, excerpts: int, seed: int = 0, workers: int = 1) -> ClipCache:
        cache_clips(
            clips,
            tmp_path / name,
            vae=vae,
            config=paper,
            progress=lambda *counts: done.append(counts),
            excerpts=excerpts,
            seed=seed,
            workers=workers,
        )
        return ClipCache(tmp_path / name, paper)

    cache = fill("a", excerpts=5)
    assert done == [(number, 5) for number in range(1, 6)]
    assert [entry.frames for entry in cache.entries] == [excerpt_frames(paper)] * 5
    assert {entry.clip for entry in cache.entries} == {"a.mp4", "b.mp4"}
    firsts = {np.array(cache.latents[entry.start]).tobytes() for entry in cache.entries}
    assert len(firsts) == 5
    # However many processes make it.
    again = fill("b", excerpts=5, workers=2)
    assert (tmp_path / "a/shard-00000/latents.f16").read_bytes() == np.array(again.latents).tobytes()
    assert not np.array_equal(cache.latents, fill("c", excerpts=5, seed=1).latents)
    with pytest.raises(ConfigError, match=r"a holds 5 excerpts of 13 frames, seed 0, list \w+, asked for are 6 "):
        fill("a", excerpts=6)


@pytest.mark.usefixtures("meshes")
def test_excerpts_of_faces_are_whole(clips: Path, tmp_path: Path, tiny_config: ModelConfig) -> None:
    vae = make_vae(tiny_config, 0)
    cache_clips(clips, tmp_path / "cache", vae=vae, config=tiny_config, progress=lambda *counts: None, excerpts=2)
    cache = ClipCache(tmp_path / "cache", tiny_config)
    assert len(cache.latents) == len(cache.thumbnails) == len(cache.landmarks) == 2 * excerpt_frames(tiny_config)
    assert [(e.first_still, e.stills) for e in cache.entries] == [(0, 2), (2, 2)]
    whole = tiny_config.window_frames + tiny_config.context_frames
    sampler = CrossDrivenSampler(cache, batch=2, content_frames=4, motion_frames=whole, seed=0)
    assert sampler.draw(0).motion.shape[1] == whole
