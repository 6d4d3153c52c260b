"""Files that the examples of the pages start from."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bcdcodec.config import ModelConfig

CLIPS = ("talk.mp4", "alice.mp4", "bob.mp4")
MESHES = ("content.npy", "motion.npy", "result.npy")


@pytest.fixture
def clips(talking_clip: Path, tmp_path: Path) -> None:
    """Videos under the names that the pages use."""
    for clip in CLIPS:
        shutil.copy(talking_clip, tmp_path / clip)


@pytest.fixture
def motion_weights(tiny_weights: Path, tiny_config: ModelConfig, tmp_path: Path) -> Iterator[None]:
    """A motion model of random weights, found by the id of the tiny codec."""
    pytest.importorskip("transformers", reason="motion generation needs transformers")
    import torch

    from bcdcodec.motion.config import MotionConfig, MotionOptim
    from bcdcodec.motion.model import MotionGpt
    from bcdcodec.motion.weights import save_motion
    from bcdcodec.weightfile import open_weights

    quantizer, denoiser = tiny_config.quantizer, tiny_config.denoiser
    config = MotionConfig(
        name="tiny-motion",
        groups=quantizer.groups,
        entries=quantizer.entries,
        dims=quantizer.dims,
        content=(denoiser.channels, denoiser.resolution, denoiser.resolution),
        content_pool=8,
        width=16,
        layers=1,
        heads=2,
        frames=8,
        optim=MotionOptim(learning_rate=1e-3, batch=2, weight_decay=0.01, betas=(0.9, 0.999), downsampling=0.5),
    )
    folder = tmp_path / "weights"
    folder.mkdir()
    shutil.copy(tiny_weights, folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        gpt = MotionGpt(config)
    save_motion(folder / "motion-tiny.safetensors", gpt, codec_id=open_weights(tiny_weights).model_id)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BCD_WEIGHTS", str(folder))
        yield


@pytest.fixture
def meshes(tmp_path: Path) -> None:
    """Face meshes of three nodding heads, as the mesh network would give them."""
    from bcdcodec.evaluation.face3d.camera import Pose, project
    from bcdcodec.evaluation.face3d.head import shipped_head

    head, frames = shipped_head(), 4
    nods = [np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]) for a in (0, 0.1, 0.2, 0.1)]
    pose = Pose(rotation=np.stack(nods), translation=np.full((frames, 2), 128.0), size=np.ones(frames))
    for seed, name in enumerate(MESHES):
        identity = np.random.default_rng(seed).normal(0, 1, len(head.identity))
        mesh = np.zeros((frames, 478, 3))
        mesh[:, head.points_of] = project(head.points(identity, np.zeros((frames, len(head.names)))), pose)
        np.save(tmp_path / name, mesh)
