"""A cache that several processes make and several runs take."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bcdcodec.config import preset
from bcdcodec.errors import ConfigError
from bcdcodec.training import caching
from bcdcodec.training.caching import CacheOptions, launched_share, make_cache
from bcdcodec.training.commands import plan_training, run_training
from bcdcodec.training.data import cache as cache_module
from bcdcodec.training.data.cache import MADE_WITH, check_made_cache, is_cached
from bcdcodec.training.data.clips import ClipCache
from bcdcodec.training.data.shards import find_shards, shard_path
from bcdcodec.training.options import CodecTrainOptions
from bcdcodec.training.run.checkpoint import average_error

CLIPS = 7


@pytest.fixture
def clips(tmp_path: Path, talking_clip: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    for index in range(CLIPS):
        (folder / f"{index}.mp4").write_bytes(talking_clip.read_bytes())
    rows = "".join(f"{index}.mp4,p{index % 3}\n" for index in range(CLIPS))
    (folder / "clips.csv").write_text("clip,person\n" + rows)
    return folder


@pytest.fixture
def two_a_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (cache_module, caching):
        monkeypatch.setattr(module, "SHARD_CLIPS", 2)


def asked(clips: Path, out: Path) -> CacheOptions:
    return CacheOptions(clips=clips, out=out, model="sprites-tiny", device="cpu")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.usefixtures("two_a_shard")
def test_two_processes_make_what_one_does(clips: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += [str(Path(__file__).with_name("share_a_cache.py")), str(clips), str(tmp_path / "two")]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == ["0 2 2 4", "1 2 2 3"]
    summary = make_cache(asked(clips, tmp_path / "one"))
    assert (summary.shards, summary.clips, summary.complete) == (4, CLIPS, True)
    assert contents(tmp_path / "two") == contents(tmp_path / "one")
    config = preset("sprites-tiny")
    check_made_cache(tmp_path / "two", vae=None, config=config, whole=True)
    assert [entry.clip for entry in ClipCache(tmp_path / "two", config).entries] == [f"{i}.mp4" for i in range(CLIPS)]


@pytest.mark.usefixtures("two_a_shard")
def test_a_process_makes_its_own_missing_shards(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, done = tmp_path / "cache", list[tuple[int, int]]()
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    assert not make_cache(asked(clips, out)).complete
    assert sorted(path.name for path in out.iterdir()) == [MADE_WITH, "shard-00001", "shard-00003"]
    with pytest.raises(ConfigError, match="cache is not complete, it needs 4 shards"):
        check_made_cache(out, vae=None, config=preset("sprites-tiny"))
    monkeypatch.setenv("RANK", "0")
    assert make_cache(asked(clips, out), lambda *counts: done.append(counts)).complete
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]
    before = shard_path(out, 1).stat().st_mtime_ns
    shard_path(out, 2).rename(tmp_path / "lost")
    done.clear()
    assert make_cache(asked(clips, out), lambda *counts: done.append(counts)).complete and done == [(3, 4), (4, 4)]
    assert shard_path(out, 1).stat().st_mtime_ns == before and len(find_shards(out)) == 4


@pytest.mark.parametrize(("rank", "size"), [("2", "2"), ("-1", "2"), ("x", "2"), ("0", "0")])
def test_a_damaged_environment_is_refused(rank: str, size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", size)
    with pytest.raises(ConfigError, match="needs a rank from 0 to below the size"):
        launched_share()


def test_a_missing_clip_is_told_before(clips: Path, tmp_path: Path) -> None:
    (clips / "5.mp4").unlink()
    with pytest.raises(ConfigError, match=r"names 5\.mp4, which is not in the folder"):
        make_cache(asked(clips, tmp_path / "cache"))
    assert not (tmp_path / "cache").exists()


def test_runs_share_a_cache(clips: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    out = tmp_path / "cache"
    assert make_cache(asked(clips, out)).complete
    before = contents(out)
    for name in ("clips", "moved"):  # the clips themselves are needed no more
        clips = clips.rename(tmp_path / f"{name}-away")
        options = CodecTrainOptions(
            model="sprites-tiny", cache=out, run=tmp_path / name, updates=1, batch=2, device="cpu"
        )
        assert plan_training(options).clips == CLIPS
        assert run_training(options)
        assert (options.run / "last.safetensors").exists() and not (options.run / "latents").exists()
    assert contents(out) == before


def test_what_is_no_source_is_refused(clips: Path, tmp_path: Path) -> None:
    both = CodecTrainOptions(model="sprites-tiny", data=clips, cache=tmp_path, run=tmp_path / "run", updates=1)
    for options, why in (
        (both, "needs one of the two"),
        (replace(both, data=None, cache=None), "needs one of the two"),
        (replace(both, data=None, excerpts=5), "a cache of them is made by"),
        (replace(both, data=None), "is no cache of clips; make one with `bcd data cache`"),
    ):
        with pytest.raises(ConfigError, match=why):
            plan_training(options)
    (tmp_path / MADE_WITH).write_text("another autoencoder\n1 whole clips, list 01234567\n")
    with pytest.raises(ConfigError, match="made with another autoencoder or preset"):
        plan_training(replace(both, data=None))
    assert not is_cached(tmp_path)


def test_other_people_are_cached_in_the_run(clips: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    others = tmp_path / "others"
    shutil.copytree(clips, others)
    (others / "clips.csv").write_text("clip,person\n0.mp4,q\n1.mp4,q\n")
    options = CodecTrainOptions(
        model="sprites-tiny",
        data=clips,
        run=tmp_path / "run",
        updates=1,
        batch=2,
        device="cpu",
        held_out=others,
    )
    assert run_training(options)
    config = preset("sprites-tiny")
    assert [len(ClipCache(options.run / name, config).entries) for name in ("latents", "held_out")] == [CLIPS, 2]
    (line,) = map(json.loads, (options.run / "metrics.jsonl").read_text().splitlines())
    assert line["held_out_error"] == average_error(options.run / "best.safetensors") > 0
    with pytest.raises(ConfigError, match="is the folder of --data, needs clips of other people"):
        plan_training(replace(options, held_out=clips))
    with pytest.raises(ConfigError, match="holds 2 whole clips"):
        (others / "clips.csv").write_text("clip,person\n0.mp4,q\n")
        plan_training(options)
