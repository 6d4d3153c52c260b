"""The run: it learns, it goes on bit by bit where it was cut off, it leaves a trail."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bcdcodec.errors import ConfigError
from bcdcodec.motion.config import MotionConfig
from bcdcodec.motion.data import hold_out, save_streams
from bcdcodec.motion.entropy import count_bits, stream_bits
from bcdcodec.motion.training import MotionTrainOptions, rate_factor, train_motion
from bcdcodec.motion.weights import load_motion, open_motion
from bcdcodec.training.data.code_streams import CodeStream
from bcdcodec.training.run.distributed import init_distributed

Make = Callable[..., list[CodeStream]]
CODEC = bytes(range(16))


def options(run: Path, updates: int = 8, **changes: object) -> MotionTrainOptions:
    return replace(MotionTrainOptions(run=run, updates=updates, report_every=4, save_every=3), **changes)


def codebook(config: MotionConfig) -> torch.Tensor:
    return torch.randn(config.groups, config.entries, config.dims, generator=torch.Generator().manual_seed(0))


def test_what_counts_up_is_learned(motion_config: MotionConfig, make_streams: Make, tmp_path: Path) -> None:
    streams, config = (
        make_streams(shared=True),
        replace(motion_config, optim=replace(motion_config.optim, downsampling=0.0)),
    )
    best = train_motion(
        config, options(tmp_path, 300, report_every=100), streams, codec_id=CODEC, codebook=codebook(config)
    )
    gpt = load_motion(open_motion(best), codec_id=CODEC, device=torch.device("cpu"))
    learned, held_out = hold_out(streams)
    order0, _ = count_bits(learned, held_out, entries=config.entries)
    assert stream_bits(gpt, held_out) < 0.5 * order0


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_run_that_was_cut_off_ends_the_same(
    motion_config: MotionConfig, make_streams: Make, tmp_path: Path, precision: str
) -> None:
    class Cut(Exception):
        pass

    def stop(step: int) -> None:
        if step == 5:
            raise Cut

    book, streams = codebook(motion_config), make_streams()
    whole, parts = (options(tmp_path / name, precision=precision) for name in ("whole", "parts"))
    train_motion(motion_config, whole, streams, codec_id=CODEC, codebook=book)
    with pytest.raises(Cut):
        train_motion(motion_config, parts, streams, codec_id=CODEC, codebook=book, progress=stop)
    best = train_motion(motion_config, parts, streams, codec_id=CODEC, codebook=book)
    for name in ("last.safetensors", best.name):
        assert (whole.run / name).read_bytes() == (parts.run / name).read_bytes()
    lines = [json.loads(line) for line in (parts.run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [4, 4, 8] and lines[0]["held_out_bits"] == lines[1]["held_out_bits"]


def test_two_processes_learn_what_one_does(motion_config: MotionConfig, make_streams: Make, tmp_path: Path) -> None:
    """The same batches, the same losses, the same weights but for rounding."""
    streams = [*make_streams(16), *make_streams(16, frames=7, seed=1)]  # rows with and without filling up
    save_streams(tmp_path / "streams.safetensors", streams)
    config = replace(motion_config, optim=replace(motion_config.optim, dropout=0.0))  # masks are of each process
    (tmp_path / "config.json").write_text(config.to_json())
    lines, weights = {}, {}
    for count in (1, 2):
        run = tmp_path / f"run{count}"
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
        command += [str(Path(__file__).with_name("share_a_run.py")), *map(str, tmp_path.glob("streams.*"))]
        command += [str(tmp_path / "config.json"), str(run)]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""})
        assert done.returncode == 0, done.stderr
        lines[count] = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        weights[count] = load_file(run / "best.safetensors")
    assert [line["step"] for line in lines[2]] == list(range(1, 9))
    for name in ("bits", "held_out_bits"):
        assert [line[name] for line in lines[2]] == pytest.approx([line[name] for line in lines[1]], rel=1e-3)
    for name, value in weights[1].items():
        torch.testing.assert_close(weights[2][name].float(), value.float(), rtol=0.01, atol=1e-3)


def test_more_processes_than_rows_are_refused() -> None:
    with pytest.raises(ConfigError, match="batch of 0 cannot be shared by 1 processes"):
        init_distributed(batch=0)


def test_another_configuration_is_refused(motion_config: MotionConfig, make_streams: Make, tmp_path: Path) -> None:
    book = codebook(motion_config)
    train_motion(motion_config, options(tmp_path, 1), make_streams(), codec_id=CODEC, codebook=book)
    with pytest.raises(ConfigError, match="another configuration"):
        train_motion(
            replace(motion_config, layers=1), options(tmp_path, 1), make_streams(), codec_id=CODEC, codebook=book
        )


def test_the_rate_rises_stays_and_falls(motion_config: MotionConfig) -> None:
    optim = motion_config.optim
    factors = [rate_factor(optim, step, 1000) for step in (0, 99, 500, 800, 1000)]
    assert factors == pytest.approx([0.01, 1.0, 1.0, 0.5, 0.0])
    steady = replace(optim, warmup=0, decay=0.0)
    assert {rate_factor(steady, step, 1000) for step in (0, 500, 999)} == {1.0}
