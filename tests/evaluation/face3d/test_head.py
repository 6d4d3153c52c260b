"""The face model's file, and what its coefficients move."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from bcdcodec.errors import ConfigError, WeightsError
from bcdcodec.evaluation.face3d.head import FORMAT, HEAD_FILE, HeadModel
from bcdcodec.video.landmarks import LEFT_EYE, RIGHT_EYE


def moved(head: HeadModel, name: str, point: int) -> tuple[float, float, float]:
    """Millimetres by which an expression moves a point of the face mesh: left, up, forward."""
    _, _, units = head.point_model()
    x, y, z = units[head.names.index(name), head.points_of.tolist().index(point)]
    return float(x), float(y), float(z)


def test_the_shipped_file_is_small_and_says_what_it_is() -> None:
    assert HEAD_FILE.stat().st_size < 1 << 20
    with safe_open(str(HEAD_FILE), framework="numpy") as file:
        metadata = file.metadata()
    assert metadata["format"] == FORMAT and "CC0" in metadata["licence"] and "MakeHuman" in metadata["source"]


def test_the_average_face_has_the_size_of_a_face(head: HeadModel) -> None:
    mean, _, _ = head.point_model()
    eyes = [head.points_of.tolist().index(point) for point in (LEFT_EYE, RIGHT_EYE)]
    assert 80 < np.linalg.norm(mean[eyes[0]] - mean[eyes[1]]) < 110
    assert mean[eyes[0], 0] > 0 > mean[eyes[1], 0]
    assert np.abs(head.mean.mean(axis=0)).max() < 1e-3


def test_almost_the_whole_mesh_is_on_the_face(head: HeadModel) -> None:
    assert len(set(head.points_of.tolist())) == len(head.points_of) >= 460
    assert head.points_of.max() < 468
    assert head.weights.sum(axis=1) == pytest.approx(np.ones(len(head.weights)), abs=1e-5)
    assert head.weights.min() >= 0


def test_expressions_move_what_they_are_named_after(head: HeadModel) -> None:
    assert len(head.names) == 52 and {"jawOpen", "eyeBlinkLeft", "mouthPucker"} <= set(head.names)
    upper_lip, lower_lip, chin, left_lid, right_lid, left_corner = 13, 14, 152, 386, 159, 291
    assert moved(head, "jawOpen", lower_lip)[1] < -20 and moved(head, "jawOpen", chin)[1] < -10
    assert abs(moved(head, "jawOpen", upper_lip)[1]) < 2
    assert moved(head, "eyeBlinkLeft", left_lid)[1] < -4 and abs(moved(head, "eyeBlinkLeft", right_lid)[1]) < 0.1
    assert moved(head, "mouthSmileLeft", left_corner)[0] > 2


def test_identity_leaves_place_turn_and_size_alone(head: HeadModel) -> None:
    shifts = head.identity.mean(axis=1)
    growth = np.einsum("kvc,vc->k", head.identity, head.mean) / np.square(head.mean).sum()
    turns = np.cross(head.mean, head.identity).sum(axis=1) / np.square(head.mean).sum()
    assert np.abs(shifts).max() < 0.01 and np.abs(growth).max() < 1e-4 and np.abs(turns).max() < 1e-4


def test_modes_are_sorted_and_independent(head: HeadModel) -> None:
    flat = head.identity.reshape(len(head.identity), -1)
    products = flat @ flat.T
    deviations = np.sqrt(np.diag(products))
    assert (np.diff(deviations) < 1e-2).all()
    assert np.abs(products / np.outer(deviations, deviations) - np.eye(len(flat))).max() < 0.01


def test_points_follow_the_vertices(head: HeadModel) -> None:
    rng = np.random.default_rng(0)
    identity, expression = rng.normal(size=len(head.identity)), rng.uniform(size=(3, len(head.names)))
    points, vertices = head.points(identity, expression), head.vertices(identity, expression)
    assert points.shape == (3, len(head.points_of), 3)
    expected = sum(head.weights[:, i, None] * vertices[:, head.corners[:, i]] for i in range(3))
    assert points == pytest.approx(expected)
    mean, modes, units = head.point_model()
    assert points[1] == pytest.approx(mean + np.tensordot(identity, modes, 1) + np.tensordot(expression[1], units, 1))


def test_coefficients_of_another_model_are_refused(head: HeadModel) -> None:
    with pytest.raises(ConfigError, match="identity"):
        head.points(np.zeros(3), np.zeros((1, len(head.names))))
    with pytest.raises(ConfigError, match="expression"):
        head.points(np.zeros(len(head.identity)), np.zeros(len(head.names)))


def test_files_that_are_no_face_model_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    for metadata in ({"format": "else"}, {"format": FORMAT}, {"format": FORMAT, "expressions": "["}):
        save_file({"mean": np.zeros((4, 3), np.float32)}, other, metadata)
        with pytest.raises(WeightsError):
            HeadModel.load(other)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(HEAD_FILE.read_bytes()[:-1])
    for path in (cut, tmp_path / "missing.safetensors"):
        with pytest.raises(WeightsError, match="cannot read"):
            HeadModel.load(path)


def test_values_that_do_not_fit_together_are_refused(head: HeadModel) -> None:
    for change in (
        {"weights": head.weights[:-1]},
        {"identity": head.identity[:, :-1]},
        {"names": head.names[:-1]},
        {"corners": head.corners + len(head.mean)},
        {"points_of": head.points_of + 100},
        {"mean": np.full_like(head.mean, np.nan)},
    ):
        with pytest.raises(WeightsError, match="face model"):
            replace(head, **change)
