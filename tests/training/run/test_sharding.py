"""Several processes learn what one would: ratios, entropies, moments and gradients of whole batches."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError
from bcdcodec.model.bcd import Bcd
from bcdcodec.training.data.clips import ClipCache
from bcdcodec.training.data.sampler import CrossDrivenSampler
from bcdcodec.training.data.shards import shard_path
from bcdcodec.training.objective.schedule import Schedule
from bcdcodec.training.run.sharding import SINGLE_PROCESS, ProcessShard


def test_rows_of_all_shares_are_the_batch() -> None:
    batch = torch.arange(7)
    shares = [ProcessShard(index, 3) for index in range(3)]
    assert sorted(torch.cat([share.rows(batch) for share in shares]).tolist()) == list(range(7))
    for share in shares:
        assert share.rows(batch).tolist() == list(share.numbers(7))
    assert SINGLE_PROCESS.rows(batch) is not None and torch.equal(SINGLE_PROCESS.rows(batch), batch)


def test_rows_are_the_same_whoever_draws_them(clip_cache: Path, tiny_config: ModelConfig) -> None:
    sampler = CrossDrivenSampler(ClipCache(clip_cache, tiny_config), batch=4, content_frames=4, motion_frames=6, seed=0)
    whole, part = sampler.draw(3), sampler.draw(3, ProcessShard(1, 2))
    assert torch.equal(whole.motion[1::2], part.motion) and torch.equal(whole.content[1::2], part.content)
    assert whole.faces is not None and part.faces is not None
    assert torch.equal(whole.faces.motion_points[1::2], part.faces.motion_points)


def test_uneven_shares_are_refused(tiny_config: ModelConfig) -> None:
    config = replace(tiny_config, optim=replace(tiny_config.optim, batch=4))
    schedule = Schedule.of(config, 50)
    sizes = schedule.decoded_clips(config)
    ProcessShard(0, 2).check_even(config.optim.batch, sizes)
    with pytest.raises(ConfigError, match="4 processes cannot share 2 clips evenly; batches have 4, of which 2, 4 are"):
        ProcessShard(0, 4).check_even(config.optim.batch, sizes)
    with pytest.raises(ConfigError, match="2 processes in 2 parts each cannot share 2 clips evenly"):
        ProcessShard(0, 2).check_even(config.optim.batch, sizes, parts=2)


@pytest.mark.parametrize("kind", ["warper", "paper", pytest.param("parts", marks=pytest.mark.slow)])
def test_two_processes_learn_what_one_does(
    tmp_path: Path, clip_cache: Path, tiny_config: ModelConfig, kind: str
) -> None:
    """The same batches, the same losses and the same weights but for rounding, from poses to temporal blocks.

    parts: two processes that compute their rows in two parts.
    """
    config = replace(tiny_config, optim=replace(tiny_config.optim, batch=8 if kind == "parts" else 4))
    if kind == "paper":  # without a warper and an autoencoder, its motion standardised over the batch
        config = replace(
            config,
            autoencoder="none",
            vae=None,
            denoiser=replace(config.denoiser, warp_blocks=0, landmarks=0),
            quantizer=replace(config.quantizer, input_std=0.58),
        )
    faces = np.memmap(shard_path(clip_cache, 0) / "landmarks.f32", np.float32, "r+").reshape(-1, 478, 2)
    faces[::5] = np.nan  # workers see different numbers of faces
    faces.flush()
    (tmp_path / "config.json").write_text(config.to_json())
    torch.manual_seed(0)
    start = Bcd(config).state_dict()
    lines, weights = {}, {}
    for count in (1, 2):
        run = tmp_path / f"run{count}"
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
        command += [str(Path(__file__).with_name("share_a_run.py")), str(clip_cache), str(tmp_path / "config.json")]
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
        command += [str(run), "2" if kind == "parts" and count == 2 else "1"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        lines[count] = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        weights[count] = load_file(run / "last.safetensors")
    assert [line["step"] for line in lines[2]] == list(range(1, 13))
    for name in ("loss", "warping_loss", "error", "bits_per_code", "used_codes"):
        one, two = ([line[name] or 0.0 for line in lines[count]] for count in (1, 2))
        assert two[:3] == pytest.approx(one[:3], rel=1e-4, abs=1e-6), name
        # AdamW makes full steps of gradients that are nothing but rounding, and codes fall to their neighbours.
        assert two == pytest.approx(one, rel=0.1, abs=1e-5), name
    for name, value in weights[1].items():
        if name.startswith("average."):
            # Single weights step apart by all of the learning rate; moments of a batch follow all that has parted.
            difference, moved = (
                float((value - other).float().abs().mean())
                for other in (weights[2][name], start[name.removeprefix("average.")])
            )
            assert difference <= 0.5 * moved + 1e-6, name
    assert {path.name for path in (tmp_path / "run2/sheets").iterdir()} == {"step-0000012.png"}
