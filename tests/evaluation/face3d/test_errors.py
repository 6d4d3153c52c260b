"""Errors of faces made by the model: next to nothing where nothing differs, and the difference where something does."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bcdcodec.errors import ConfigError, FaceError
from bcdcodec.evaluation.face3d.errors import motion_error, motion_error_from_start, shape_error, transfer_error
from bcdcodec.evaluation.face3d.fit import FaceFit, fit_video
from bcdcodec.evaluation.face3d.head import HeadModel

Fits = dict[tuple[int, int], FaceFit]


@pytest.fixture(scope="module")
def exact(head: HeadModel, identity: Callable, motion: Callable) -> Fits:
    """By (person, motion): the coefficients themselves, as a fit without any error would give them."""

    def make(person: int, moving: int) -> FaceFit:
        made = motion(moving)
        return FaceFit(
            identity=identity(person),
            expression=made.expression,
            rotation=made.pose.rotation,
            translation=made.pose.translation,
            scale=1.0,
            zoom=made.pose.size,
            present=np.ones(len(made.expression), bool),
            reprojection_error=0.0,
            reprojection_px=0.0,
            head=head,
        )

    return {(person, moving): make(person, moving) for person in (1, 2) for moving in (1, 2)}


@pytest.fixture(scope="module")
def fitted(identity: Callable, motion: Callable, meshes: Callable) -> Fits:
    """The same found from meshes with half a pixel of noise."""
    pairs = [(person, moving) for person in (1, 2) for moving in (1, 2)]
    return {pair: fit_video(meshes(identity(pair[0]), motion(pair[1]), noise_px=0.5)) for pair in pairs}


def test_equal_coefficients_have_no_error(exact: Fits) -> None:
    assert shape_error(exact[1, 1], exact[1, 2]) == 0
    assert motion_error(exact[1, 1], exact[2, 1]) == 0
    assert transfer_error(exact[1, 1], exact[2, 2], exact[1, 2]) == 0


def test_the_shape_error_is_that_of_the_vertices(head: HeadModel, exact: Fits) -> None:
    difference = np.tensordot(exact[1, 1].identity - exact[2, 1].identity, head.identity, 1)
    expected = float(np.square(difference).sum(axis=1).mean())
    assert shape_error(exact[1, 1], exact[2, 1]) == pytest.approx(expected)
    assert expected > 9  # mm^2


def test_a_shift_is_motion_in_mm_of_the_reference(exact: Fits) -> None:
    one = replace(exact[1, 1], scale=2.0, zoom=exact[1, 1].zoom / 2)
    shifted = replace(one, translation=one.translation + np.array([6.0, 8.0]))  # 10 pixels, 5 mm
    assert motion_error(one, shifted) == pytest.approx(25)
    assert transfer_error(one, one, shifted) == pytest.approx(25)
    assert shape_error(one, shifted) == 0


def test_pose_and_expression_are_motion(head: HeadModel, exact: Fits) -> None:
    one = exact[1, 1]
    turned = replace(one, rotation=one.rotation @ np.diag([-1.0, 1.0, -1.0]))
    expression = one.expression.copy()
    expression[:, head.names.index("browInnerUp")] += 0.5
    for other in (turned, replace(one, expression=expression), replace(one, zoom=1.1 * one.zoom)):
        assert motion_error(one, other) > 0.05
        assert shape_error(one, other) == 0


def test_where_a_head_begins_is_no_motion_from_the_start(exact: Fits) -> None:
    """A head that begins turned, elsewhere and larger, and moves alike; then one that moves otherwise."""
    one = exact[1, 1]
    turn = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
    first = one.translation[0]
    moved = replace(
        one,
        rotation=one.rotation @ one.rotation[0].T @ turn @ one.rotation[0],
        translation=first + (30.0, -20.0) + 1.5 * (one.translation - first),
        zoom=1.5 * one.zoom,
    )
    assert motion_error(one, moved) > 100
    assert motion_error_from_start(one, moved) == pytest.approx(0, abs=1e-9)
    assert motion_error_from_start(one, one) == pytest.approx(0, abs=1e-9)
    assert motion_error_from_start(one, exact[1, 2]) > 1
    still = replace(one, **{name: np.repeat(getattr(one, name)[:1], len(one.present), 0) for name in _POSE})
    assert motion_error_from_start(one, still) == pytest.approx(motion_error(one, still))
    with pytest.raises(FaceError, match="face in both"):
        motion_error_from_start(one, replace(one, present=np.zeros_like(one.present)))


#: What a fit holds a frame.
_POSE = ("expression", "rotation", "translation", "zoom")


def test_the_transfer_error_sees_both(exact: Fits) -> None:
    content, motion = exact[1, 1], exact[2, 2]
    wrong_person, wrong_motion = transfer_error(content, motion, exact[2, 2]), transfer_error(content, motion, content)
    assert wrong_person > 1 and wrong_motion > 1
    assert wrong_person == pytest.approx(shape_error(content, exact[2, 2]), rel=0.1)


def test_fits_of_one_person_have_one_shape(fitted: Fits) -> None:
    for person in (1, 2):
        assert shape_error(fitted[person, 1], fitted[person, 2]) < 0.1  # 0.3 mm
    assert shape_error(fitted[1, 1], fitted[2, 1]) > 50 * shape_error(fitted[1, 1], fitted[1, 2])


def test_fits_of_one_motion_have_one_motion(fitted: Fits) -> None:
    # What is left is what the priors move between identity and motion.
    for moving in (1, 2):
        assert motion_error(fitted[1, moving], fitted[2, moving]) < 5
    assert motion_error(fitted[1, 1], fitted[1, 2]) > 50 * motion_error(fitted[1, 1], fitted[2, 1])


def test_fits_of_a_perfect_transfer_beat_wrong_ones(fitted: Fits) -> None:
    content, motion = fitted[1, 1], fitted[2, 2]
    best = transfer_error(content, motion, fitted[1, 2])
    assert 3 * best < transfer_error(content, motion, motion)
    assert 50 * best < transfer_error(content, motion, content)


def test_frames_without_a_face_in_either_are_left_out(exact: Fits) -> None:
    one, other = exact[1, 1], exact[1, 2]
    present = np.arange(len(one.present)) >= 3
    hidden = {
        name: np.where(present.reshape(-1, *[1] * (getattr(other, name).ndim - 1)), getattr(other, name), np.nan)
        for name in ("expression", "rotation", "translation", "zoom")
    }
    gappy = replace(other, present=present, **hidden)
    rest = {name: getattr(other, name)[present] for name in (*hidden, "present")}
    rest_of_one = {name: getattr(one, name)[present] for name in rest}
    expected = motion_error(replace(one, **rest_of_one), replace(other, **rest))
    assert motion_error(one, gappy) == motion_error(gappy, one) == pytest.approx(expected)
    with pytest.raises(FaceError, match="no frame of"):
        motion_error(gappy, replace(one, present=~present))


def test_what_cannot_be_compared_is_refused(exact: Fits) -> None:
    one = exact[1, 1]
    with pytest.raises(ConfigError, match="equally many"):
        motion_error(one, replace(one, present=one.present[:-1]))
    with pytest.raises(ConfigError, match="two face models"):
        shape_error(one, replace(one, head=replace(one.head)))
