"""Distances of meshes that were moved in known ways."""

from dataclasses import asdict

import numpy as np
import pytest

from bcdcodec.evaluation.metrics.landmarks import landmark_distance
from bcdcodec.video.landmarks import CONTOUR, EYES, MOUTH, Points


@pytest.fixture
def mesh() -> Points:
    """Random points, the eyes 50 pixels apart."""
    points = np.random.default_rng(0).uniform(50, 200, (478, 3)).astype(np.float32)
    points[33], points[263] = (100, 100, 0), (150, 100, 0)
    return points


def test_equal_meshes(mesh: Points) -> None:
    assert asdict(landmark_distance(mesh, mesh)) == pytest.approx(
        dict.fromkeys(asdict(landmark_distance(mesh, mesh)), 0)
    )


def test_a_shift_is_pose_and_no_expression(mesh: Points) -> None:
    found = landmark_distance(mesh + np.float32([3, 4, 9]), mesh)  # 5 of 50 pixels; depth does not count
    assert [found.all, found.mouth, found.eyes, found.contour] == pytest.approx([10] * 4, rel=1e-5)
    assert found.expression == pytest.approx(0, abs=1e-4)


def test_a_turn_with_a_scale_is_no_expression(mesh: Points) -> None:
    angle = 0.3
    turn = 1.2 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = np.concatenate([mesh[:, :2] @ turn.T + 7, mesh[:, 2:]], axis=1).astype(np.float32)
    found = landmark_distance(turned, mesh)
    assert found.all > 10
    assert found.expression == pytest.approx(0, abs=1e-3)


def test_a_moved_mouth_shows_in_the_mouth(mesh: Points) -> None:
    moved = mesh.copy()
    moved[list(MOUTH), 1] += 5
    found = landmark_distance(moved, mesh)
    assert found.mouth == pytest.approx(10, rel=1e-5)
    assert found.eyes == found.contour == 0
    assert 0 < found.all < found.expression


def test_parts_are_points_of_the_mesh_named_once() -> None:
    for part in (MOUTH, EYES, CONTOUR):
        assert len(set(part)) == len(part) and min(part) >= 0 and max(part) < 478
    assert not set(MOUTH) & set(EYES) and not set(MOUTH) & set(CONTOUR)
    assert [len(part) for part in (MOUTH, EYES, CONTOUR)] == [40, 42, 36]
