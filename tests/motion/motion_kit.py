"""A motion model of the tiny codec's codes with random weights, and streams to learn from."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("transformers", reason="motion generation needs transformers")

import torch

from bcdcodec.codec.model import CodecModel
from bcdcodec.config import ModelConfig
from bcdcodec.motion.config import MotionConfig, MotionOptim
from bcdcodec.motion.model import MotionGpt
from bcdcodec.motion.weights import save_motion
from bcdcodec.training.data.code_streams import CodeStream
from bcdcodec.weightfile import open_weights


@pytest.fixture(scope="session")
def model(tiny_weights: Path) -> CodecModel:
    return CodecModel.load(tiny_weights, device="cpu")


@pytest.fixture(scope="session")
def motion_config(tiny_config: ModelConfig) -> MotionConfig:
    """A few thousand parameters."""
    quantizer = tiny_config.quantizer
    return MotionConfig(
        name="tiny-motion",
        groups=quantizer.groups,
        entries=quantizer.entries,
        dims=quantizer.dims,
        content=(4, 32, 32),
        content_pool=8,
        width=32,
        layers=2,
        heads=2,
        frames=12,
        optim=MotionOptim(learning_rate=3e-3, batch=4, weight_decay=0.01, betas=(0.9, 0.999), downsampling=0.5),
    )


@pytest.fixture(scope="session")
def gpt(motion_config: MotionConfig, model: CodecModel) -> MotionGpt:
    """Random weights, large enough that what goes in shows in what comes out."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        gpt = MotionGpt(motion_config)
        with torch.no_grad():
            gpt.codebook.copy_(model.bcd.quantizer.codebook)
            for parameter in gpt.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return gpt.eval().requires_grad_(False)


@pytest.fixture
def motion_file(gpt: MotionGpt, tiny_weights: Path, weights_folder: Path, tmp_path: Path) -> Path:
    """The model as a file, which is found where the tiny codec's weights are not: it has to be named."""
    path = tmp_path / "motion-tiny.safetensors"
    save_motion(path, gpt, codec_id=open_weights(tiny_weights).model_id)
    return path


@pytest.fixture(scope="session")
def make_streams(motion_config: MotionConfig) -> Callable[..., list[CodeStream]]:
    """make_streams(clips, people): the code of every group counts up by one a frame, from a random start, which all
    groups may share.
    """

    def make(
        clips: int = 24, people: int = 6, frames: int = 20, seed: int = 0, shared: bool = False
    ) -> list[CodeStream]:
        rng = np.random.default_rng(seed)
        streams = []
        for clip in range(clips):
            start = rng.integers(0, motion_config.entries, 1 if shared else motion_config.groups)
            start = start.repeat(motion_config.groups // len(start))
            codes = (start + np.arange(frames)[:, None]) % motion_config.entries
            content = rng.standard_normal(motion_config.content).astype(np.float16)
            landmarks = np.random.default_rng(clip).uniform(0.3, 0.7, (478, 2)).astype(np.float32)
            codes = codes.astype(np.uint8)
            streams.append(CodeStream(f"p{clip % people}", codes, content, landmarks, codes[::2]))
        return streams

    return make
