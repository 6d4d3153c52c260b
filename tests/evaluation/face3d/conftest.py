"""Faces made by the model itself, whose coefficients are known."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from bcdcodec.evaluation.face3d.camera import Pose, project
from bcdcodec.evaluation.face3d.head import HeadModel, shipped_head

FRAMES = 12

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Motion:
    """A turning, nodding head that comes nearer, opens its mouth, smiles and blinks."""

    expression: Array
    pose: Pose


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def head() -> HeadModel:
    return shipped_head()


@pytest.fixture(scope="session")
def identity(head: HeadModel) -> Callable[[int], Array]:
    """A person drawn from the prior, by seed."""
    return lambda seed: np.random.default_rng(seed).normal(0, 1, len(head.identity))


@pytest.fixture(scope="session")
def motion(head: HeadModel) -> Callable[[int], Motion]:
    """By seed: 1 pixel a mm, head in the middle of 256 pixels."""

    def make(seed: int) -> Motion:
        rng, time = np.random.default_rng(seed), np.linspace(0, 1, FRAMES)
        expression = np.zeros((FRAMES, len(head.names)))
        for name, most in (("jawOpen", 0.5), ("mouthSmileLeft", 0.7), ("mouthSmileRight", 0.7), ("eyeBlinkLeft", 0.9)):
            expression[:, head.names.index(name)] = most * (0.5 + 0.5 * np.sin(6 * time + rng.uniform(0, 6)))
        yaw, pitch = (angle * np.sin(4 * time + rng.uniform(0, 6)) for angle in (0.35, 0.15))
        return Motion(
            expression=expression,
            pose=Pose(
                rotation=np.stack([_turn(a, b) for a, b in zip(yaw, pitch, strict=True)]),
                translation=128 + 10 * np.stack([np.sin(3 * time), np.cos(5 * time + rng.uniform(0, 6))], axis=1),
                size=1 + 0.05 * np.sin(3 * time + rng.uniform(0, 6)),
            ),
        )

    return make


@pytest.fixture(scope="session")
def meshes(head: HeadModel) -> Callable[..., Array]:
    """What the mesh network would see: [FRAMES, 478, 2]; the irises, which are not used, are 0."""

    def make(identity: Array, motion: Motion, *, noise_px: float = 0.0) -> Array:
        seen = np.zeros((FRAMES, 478, 2))
        seen[:, head.points_of] = project(head.points(identity, motion.expression), motion.pose)[..., :2]
        return seen + np.random.default_rng(9).normal(0, noise_px, seen.shape) if noise_px else seen

    return make


def _turn(yaw: float, pitch: float) -> Array:
    c, s, d, t = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    return np.array([[1, 0, 0], [0, d, -t], [0, t, d]]) @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
