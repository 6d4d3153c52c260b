"""Distances of meshes that were moved in known ways."""

import numpy as np
import pytest

from bcdcodec.evaluation.metrics.landmark_layout import IBUG68, MESH, LandmarkLayout
from bcdcodec.evaluation.metrics.landmarks import apertures, landmark_distance, tracking_fits
from bcdcodec.video.landmarks import CONTOUR, EYES, MOUTH, Points


@pytest.fixture
def mesh() -> Points:
    """Random points, the eyes 50 pixels apart."""
    points = np.random.default_rng(0).uniform(50, 200, (478, 3)).astype(np.float32)
    points[33], points[263] = (100, 100, 0), (150, 100, 0)
    return points


def test_equal_meshes(mesh: Points) -> None:
    assert landmark_distance(mesh, mesh) == pytest.approx(dict.fromkeys(MESH.names, 0))


def test_a_shift_is_pose_and_no_expression(mesh: Points) -> None:
    found = landmark_distance(mesh + np.float32([3, 4, 9]), mesh)  # 5 of 50 pixels; depth does not count
    assert [found["all"], found["mouth"], found["eyes"], found["contour"]] == pytest.approx([10] * 4, rel=1e-5)
    assert found["expression"] == pytest.approx(0, abs=1e-4)


def test_a_turn_with_a_scale_is_no_expression(mesh: Points) -> None:
    angle = 0.3
    turn = 1.2 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = np.concatenate([mesh[:, :2] @ turn.T + 7, mesh[:, 2:]], axis=1).astype(np.float32)
    found = landmark_distance(turned, mesh)
    assert found["all"] > 10
    assert found["expression"] == pytest.approx(0, abs=1e-3)


def test_a_moved_mouth_shows_in_the_mouth(mesh: Points) -> None:
    moved = mesh.copy()
    moved[list(MOUTH), 1] += 5
    found = landmark_distance(moved, mesh)
    assert found["mouth"] == pytest.approx(10, rel=1e-5)
    assert found["eyes"] == found["contour"] == 0
    assert 0 < found["all"] < found["expression"]


def test_irises_are_measured_alone_and_with_the_eyes(mesh: Points) -> None:
    moved = mesh.copy()
    moved[468:478, 0] += 5
    found = landmark_distance(moved, mesh)
    assert found["irises"] == pytest.approx(10, rel=1e-5)
    assert found["eyes"] == pytest.approx(10 * 10 / 42, rel=1e-5)
    assert found["mouth"] == found["contour"] == 0


def test_the_68_points_have_parts_and_a_unit_of_their_own() -> None:
    source = np.random.default_rng(1).uniform(50, 200, (68, 2)).astype(np.float32)
    source[36], source[45] = (100, 100), (180, 100)
    moved = source.copy()
    moved[48:68, 1] += 8
    found = landmark_distance(moved, source, IBUG68)
    assert tuple(found) == IBUG68.names == ("all", "mouth", "eyes", "contour", "expression")
    assert found["mouth"] == pytest.approx(10, rel=1e-5)
    assert found["all"] == pytest.approx(10 * 20 / 68, rel=1e-5)
    assert found["eyes"] == found["contour"] == 0


def test_apertures_of_the_68_points() -> None:
    def face(mouth: float, eyes: float) -> Points:
        points = np.zeros((68, 2), np.float32)
        points[45, 0] = 50
        points[[67, 66, 65], 1] = mouth / 2
        points[[41, 40, 47, 46], 1] = eyes / 2
        return points

    assert apertures(face(12, 5), IBUG68) == pytest.approx({"mouth": 12, "eyes": 5})
    speech = [8 + 3 * np.sin(i) for i in range(20)]
    source, half = ([apertures(face(part * value, 5), IBUG68) for value in speech] for part in (1, 0.5))
    found = tracking_fits(half, source, IBUG68)
    assert set(found) == {"mouth"}, "the eyes of the source keep still"
    assert found["mouth"].gain == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize("layout", [MESH, IBUG68], ids=lambda layout: str(layout.points))
def test_parts_are_points_named_once(layout: LandmarkLayout) -> None:
    for indices in layout.parts.values():
        assert len(set(indices)) == len(indices) and min(indices) >= 0 and max(indices) < layout.points
    mouth, eyes, contour = (set(layout.parts[part]) for part in ("mouth", "eyes", "contour"))
    assert not mouth & eyes and not mouth & contour and not eyes & contour
    for part, pairs in layout.openings.items():
        assert {index for pair in pairs for index in pair} <= set(layout.parts[part])
    assert set(layout.openings) == set(layout.min_spread) and set(layout.eye_corners) <= eyes


def test_sizes_of_the_parts_of_the_mesh() -> None:
    assert {part: len(points) for part, points in MESH.parts.items()} == {
        "mouth": 40,
        "eyes": 42,
        "irises": 10,
        "contour": 36,
    }
    assert MESH.parts["mouth"] == MOUTH and MESH.parts["eyes"] == EYES and MESH.parts["contour"] == CONTOUR
