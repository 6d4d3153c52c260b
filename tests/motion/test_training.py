"""The run: it learns, it goes on bit by bit where it was cut off, it leaves a trail."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bcdcodec.errors import ConfigError
from bcdcodec.motion.config import MotionConfig
from bcdcodec.motion.data import hold_out
from bcdcodec.motion.entropy import count_bits, stream_bits
from bcdcodec.motion.training import MotionTrainOptions, rate_factor, train_motion
from bcdcodec.motion.weights import load_motion, open_motion
from bcdcodec.training.streams import CodeStream

Make = Callable[..., list[CodeStream]]
CODEC = bytes(range(16))


def options(run: Path, steps: int = 8, **changes: object) -> MotionTrainOptions:
    return replace(MotionTrainOptions(run=run, steps=steps, codec_id=CODEC, report_every=4, save_every=3), **changes)


def codebook(config: MotionConfig) -> torch.Tensor:
    return torch.randn(config.groups, config.entries, config.dims, generator=torch.Generator().manual_seed(0))


def test_what_counts_up_is_learned(motion_config: MotionConfig, make_streams: Make, tmp_path: Path) -> None:
    streams, config = (
        make_streams(shared=True),
        replace(motion_config, optim=replace(motion_config.optim, downsampling=0.0)),
    )
    best = train_motion(config, options(tmp_path, 300, report_every=100), streams, codebook=codebook(config))
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
    train_motion(motion_config, whole, streams, codebook=book)
    with pytest.raises(Cut):
        train_motion(motion_config, parts, streams, codebook=book, progress=stop)
    best = train_motion(motion_config, parts, streams, codebook=book)
    for name in ("last.safetensors", best.name):
        assert (whole.run / name).read_bytes() == (parts.run / name).read_bytes()
    lines = [json.loads(line) for line in (parts.run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [4, 4, 8] and lines[0]["held_out_bits"] == lines[1]["held_out_bits"]


def test_another_configuration_is_refused(motion_config: MotionConfig, make_streams: Make, tmp_path: Path) -> None:
    book = codebook(motion_config)
    train_motion(motion_config, options(tmp_path, 1), make_streams(), codebook=book)
    with pytest.raises(ConfigError, match="another configuration"):
        train_motion(replace(motion_config, layers=1), options(tmp_path, 1), make_streams(), codebook=book)


def test_the_rate_rises_stays_and_falls() -> None:
    factors = [rate_factor(step, 1000) for step in (0, 99, 500, 800, 1000)]
    assert factors == pytest.approx([0.01, 1.0, 1.0, 0.5, 0.0])
