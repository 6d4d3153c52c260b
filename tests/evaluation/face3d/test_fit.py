"""Coefficients of faces made by the model are found again."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from bcdcodec.errors import ConfigError, FaceError
from bcdcodec.evaluation.face3d import fit as module
from bcdcodec.evaluation.face3d.camera import first_pose, project
from bcdcodec.evaluation.face3d.fit import FaceFit, fit_video
from bcdcodec.evaluation.face3d.head import HeadModel

Array = NDArray[np.float64]
MOVED = ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "eyeBlinkLeft")


def turned_by_deg(found: Array, expected: Array) -> Array:
    traces = np.trace(found @ expected.swapaxes(-1, -2), axis1=1, axis2=2)
    return np.asarray(np.degrees(np.arccos(np.clip((traces - 1) / 2, -1, 1))))


def shape_mm(head: HeadModel, difference: Array) -> float:
    return float(np.sqrt(np.square(np.tensordot(difference, head.identity, 1)).sum(axis=1).mean()))


def correlations(head: HeadModel, found: FaceFit, expected: Array) -> list[float]:
    columns = [head.names.index(name) for name in MOVED]
    return [float(np.corrcoef(found.expression[:, at], expected[:, at])[0, 1]) for at in columns]


@pytest.mark.parametrize("noise_px", [0.0, 0.5])
def test_a_known_face_is_found(
    head: HeadModel, identity: Callable, motion: Callable, meshes: Callable, noise_px: float
) -> None:
    person, moving = identity(1), motion(1)
    found = fit_video(meshes(person, moving, noise_px=noise_px))
    assert found.reprojection_error < (1.2 if noise_px else 0.8)
    assert found.reprojection_px < (1.1 if noise_px else 0.8)
    # The priors hold the face back towards the average: less than half of the distance to it is missing.
    assert shape_mm(head, found.identity - person) < 0.45 * shape_mm(head, person)
    assert min(correlations(head, found, moving.expression)) > 0.98
    assert turned_by_deg(found.rotation, moving.pose.rotation).max() < 1.5
    assert found.pose.size == pytest.approx(moving.pose.size, rel=0.01)
    assert found.translation == pytest.approx(moving.pose.translation, abs=2)
    assert found.expression.min() >= 0 and found.expression.max() <= 1


@pytest.mark.parametrize("noise_px", [0.0, 0.5])
def test_without_priors_little_is_missing(
    monkeypatch: pytest.MonkeyPatch,
    head: HeadModel,
    identity: Callable,
    motion: Callable,
    meshes: Callable,
    noise_px: float,
) -> None:
    monkeypatch.setattr(module, "IDENTITY_PRIOR", 1e-3)
    monkeypatch.setattr(module, "EXPRESSION_PRIOR", 1e-2)
    person, moving = identity(1), motion(1)
    found = fit_video(meshes(person, moving, noise_px=noise_px))
    assert shape_mm(head, found.identity - person) < 0.8 < shape_mm(head, person)
    assert np.abs(found.expression - moving.expression).mean() < 0.03
    assert turned_by_deg(found.rotation, moving.pose.rotation).max() < 0.7


def test_frames_without_a_face_are_left_out(identity: Callable, motion: Callable, meshes: Callable) -> None:
    seen = meshes(identity(2), motion(2))
    missing = np.zeros(len(seen), bool)
    missing[[0, 5]] = True
    blank = seen.copy()
    blank[missing] = np.nan
    nonsense = np.where(missing[:, None, None], 1e6, seen)
    by_value, by_mask, short = fit_video(blank), fit_video(nonsense, missing), fit_video(seen[~missing])
    for found in (by_value, by_mask):
        assert found.present.tolist() == (~missing).tolist()
        assert found.identity == pytest.approx(short.identity)
        assert found.expression[~missing] == pytest.approx(short.expression)
        for rows in (found.expression, found.rotation, found.translation, found.zoom):
            assert len(rows) == len(seen) and np.isnan(rows[missing]).all() and np.isfinite(rows[~missing]).all()
    assert by_mask.reprojection_error == pytest.approx(short.reprojection_error)


def test_depth_of_the_mesh_does_not_matter(identity: Callable, motion: Callable, meshes: Callable) -> None:
    seen = meshes(identity(2), motion(2))[:2]
    deep = np.concatenate([seen, np.full((2, 478, 1), 77.0)], axis=2)
    assert fit_video(deep).identity == pytest.approx(fit_video(seen).identity)


def test_the_size_of_the_picture_changes_the_scale_alone(
    identity: Callable, motion: Callable, meshes: Callable
) -> None:
    seen = meshes(identity(3), motion(3))[:4]
    small, large = fit_video(seen), fit_video(3 * seen)
    assert large.scale == pytest.approx(3 * small.scale, rel=1e-3)
    assert large.reprojection_error == pytest.approx(small.reprojection_error, rel=0.02)
    assert large.identity == pytest.approx(small.identity, abs=0.05)


def test_the_first_pose_of_a_rigid_face_is_exact(head: HeadModel, motion: Callable) -> None:
    mean, _, _ = head.point_model()
    pose = motion(4).pose
    found = first_pose(mean, project(np.broadcast_to(mean, (len(pose.size), *mean.shape)), pose)[..., :2])
    assert found.rotation == pytest.approx(pose.rotation, abs=1e-9)
    assert found.size == pytest.approx(pose.size) and found.translation == pytest.approx(pose.translation)


def test_input_that_is_no_video_of_a_face_is_refused() -> None:
    mesh = np.full((2, 478, 2), np.nan)
    with pytest.raises(FaceError, match="none of 2 frames"):
        fit_video(mesh)
    with pytest.raises(FaceError, match="none of 0 frames"):
        fit_video(mesh[:0])
    with pytest.raises(FaceError, match="pixels per mm"):
        fit_video(np.zeros((2, 478, 2)))
    for wrong in (mesh[0], mesh[:, :468], mesh[..., :1]):
        with pytest.raises(ConfigError, match="meshes are"):
            fit_video(wrong)
    for missing in (np.zeros(3, bool), np.zeros(2, int)):
        with pytest.raises(ConfigError, match="missing is"):
            fit_video(mesh, missing)
    with pytest.raises(ConfigError, match="no numbers"):
        fit_video(mesh, np.zeros(2, bool))
