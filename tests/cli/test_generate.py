"""`bcd generate` and `bcd train motion`: options, files, refusal."""

import inspect
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("transformers", reason="motion generation needs transformers")

import torch

from bcdcodec.cli.train_motion import PRESETS
from bcdcodec.motion import commands
from bcdcodec.motion.config import MOTION_PRESETS, MotionConfig, MotionOptim
from bcdcodec.motion.model import MotionGpt
from bcdcodec.motion.training import MotionTrainOptions
from bcdcodec.motion.weights import save_motion
from bcdcodec.weightfile import open_weights

Bcd = Callable[..., Any]
OPTIM = MotionOptim(learning_rate=1e-3, batch=2, weight_decay=0.01, betas=(0.9, 0.999), downsampling=0.5)


@pytest.fixture
def motion(tiny_weights: Path, tmp_path: Path) -> Path:
    """A motion model of random weights for the tiny codec."""
    config = MotionConfig(
        name="tiny-motion",
        groups=32,
        entries=8,
        dims=4,
        content=(4, 32, 32),
        content_pool=8,
        width=16,
        layers=1,
        heads=2,
        frames=8,
        optim=OPTIM,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        gpt = MotionGpt(config)
        torch.nn.init.normal_(gpt.head.weight)
    path = tmp_path / "motion.safetensors"
    save_motion(path, gpt, codec_id=open_weights(tiny_weights).model_id)
    return path


def test_a_stream_and_a_video(bcd: Bcd, stream_file: Path, motion: Path, tiny_weights: Path, tmp_path: Path) -> None:
    common = ("generate", "--content", stream_file, "--weights", tiny_weights, "--motion-weights", motion)
    out, video = tmp_path / "out.bcd", tmp_path / "out.mp4"
    made = bcd(*common, "--seconds", "1", out)
    assert (made.code, made.err) == (0, "")
    assert f"{out}: 12 frames generated, stream of {8 * out.stat().st_size} bits" in made.out
    assert bcd("verify", out).code == 0 and "12 frames" in bcd("info", out).out
    made = bcd(*common, "--seconds", "0.5", "--prompt", out, "--temperature", "0.9", "--top-p", "0.9", video)
    assert made.code == 0 and "6 frames generated after 12 of the prompt" in made.out and video.stat().st_size > 0
    again = bcd(*common, "--seconds", "1", out)
    assert again.code == 2 and "-f replaces it" in again.err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--greedy", "--top-p", "0.5"), "give one or the other"),
        (("--temperature", "99"), "allowed are 0 to 10"),
        (("--top-p", "0"), "above 0"),
        (("--seconds", "0"), "allowed are 1 frame"),
        (("--seconds", "nan"), "is no number"),
        (("--content", "-"), "are files"),
        (("--motion-weights", "none.safetensors"), "cannot read"),
    ],
)
def test_refusals(
    bcd: Bcd,
    stream_file: Path,
    motion: Path,
    tiny_weights: Path,
    tmp_path: Path,
    options: tuple[str, ...],
    reason: str,
) -> None:
    common = ("generate", "--content", stream_file, "--weights", tiny_weights, "--motion-weights", motion)
    done = bcd(*common, "--seconds", "1", *options, tmp_path / "out.bcd")
    assert done.code == 2 and reason in done.err and not (tmp_path / "out.bcd").exists()


def test_train_motion_hands_its_options_on(
    bcd: Bcd, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[dict[str, Any]] = []
    signature = inspect.signature(commands.run_motion_training)

    def record(*places: Any, **names: Any) -> Any:
        bound = signature.bind(*places, **names).arguments
        bound.pop("progress")("updates", 1, 2)
        found.append(bound)
        bound["out"].write_bytes(b"weights")
        return SimpleNamespace(model_bits=70.0, previous_bits=76.5, order0_bits=135.0)

    monkeypatch.setattr(commands, "run_motion_training", record)
    out = tmp_path / "m.safetensors"
    line = ("train", "motion", "--weights", tiny_weights, "--streams", tmp_path, "--run", tmp_path / "run")
    line += ("--updates", "9")
    done = bcd(*line, "--seed", "4", "--model", "motion", "--precision", "bf16", out)
    assert done.code == 0 and "7 bytes, 70.0 bits/frame on people held out, 76.5 by the frame before" in done.out
    assert (found[0]["weights"].path, found[0]["out"]) == (tiny_weights, out)
    assert found[0]["options"] == MotionTrainOptions(
        model="motion",
        data=None,
        streams=tmp_path,
        run=tmp_path / "run",
        updates=9,
        seed=4,
        precision="bf16",
    )
    assert bcd(*line, "--data", tmp_path / "none", out, "-f").code == 2


def test_the_presets_on_the_command_line_are_those_there_are() -> None:
    assert PRESETS == MOTION_PRESETS
