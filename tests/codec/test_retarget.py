"""Content in the place of a driver's face: synthetic faces, and pictures with a bright square at the tip of a nose."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.retarget import MAX_SCALE, RetargetedContent, Retargeter
from bcdcodec.entropy.tables import LandmarkTables
from bcdcodec.model.content import Content
from bcdcodec.model.landmarks import normalize_displacements

SHAPE = np.random.default_rng(3).normal(size=(478, 2))
RIGHT_EYE, LEFT_EYE, NOSE = 33, 263, 1


def face(x: float, y: float, size: float, roll: float = 0.0, shape: np.ndarray = SHAPE) -> torch.Tensor:
    """Landmarks with their centre, RMS size and angle of the line of eyes."""
    own = shape.copy()
    own[[RIGHT_EYE, LEFT_EYE, NOSE]] = [[-1, -0.5], [1, -0.5], [0.2, 0.3]]
    own -= own.mean(0)
    across = own[LEFT_EYE] - own[RIGHT_EYE]
    angle = roll - math.atan2(across[1], across[0])
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    own = own @ turn * (size / np.sqrt((own**2).sum(1).mean()))
    return torch.from_numpy(own + np.array([x, y])).float()


def content(landmarks: torch.Tensor, side: int = 256) -> Content:
    """A dark picture with 9x9 bright pixels around the nose."""
    picture = torch.full((3, side, side), -1.0)
    x, y = (landmarks[NOSE] * side).floor().long().tolist()
    picture[:, y - 4 : y + 5, x - 4 : x + 5] = 1.0
    return Content(torch.zeros(4, 32, 32), picture, landmarks)


@pytest.fixture(scope="module")
def model(tiny_weights: Path) -> CodecModel:
    return CodecModel.load(tiny_weights, device="cpu")


def bright(picture: torch.Tensor) -> torch.Tensor:
    """Centre of the bright pixels, x then y, as fractions."""
    weight = (picture[0] + 1).clamp(min=0)
    places = (torch.arange(picture.shape[-1]) + 0.5) / picture.shape[-1]
    return torch.stack([(weight.sum(0) * places).sum(), (weight.sum(1) * places).sum()]) / weight.sum()


def moved(model: CodecModel, own: torch.Tensor, driver: torch.Tensor) -> RetargetedContent:
    return Retargeter(model, content(own)).follow(driver)


@pytest.mark.parametrize("driver", [face(0.6, 0.45, 0.1), face(0.4, 0.5, 0.2, 0.4), face(0.5, 0.5, 0.08, -0.7)])
def test_picture_and_landmarks_take_place_size_and_roll_of_the_driver(model: CodecModel, driver: torch.Tensor) -> None:
    found = moved(model, face(0.5, 0.5, 0.1), driver)
    assert found.content.landmarks is not None and found.content.picture is not None
    torch.testing.assert_close(found.content.landmarks, driver, atol=1e-4, rtol=0)
    assert (bright(found.content.picture) - driver[NOSE]).abs().max() < 0.004
    assert found.content.map.shape == (4, 32, 32)
    assert found.motion is not None and not found.motion.any(), "the faces have one shape"


def test_a_face_keeps_its_own_shape(model: CodecModel) -> None:
    own, driver = face(0.5, 0.5, 0.1), face(0.4, 0.6, 0.15, 0.2, SHAPE[::-1])
    landmarks = moved(model, own, driver).content.landmarks
    assert landmarks is not None
    torch.testing.assert_close(landmarks, face(0.4, 0.6, 0.15, 0.2), atol=1e-4, rtol=0)


def test_the_share_of_the_pose_becomes_motion(model: CodecModel) -> None:
    tables = model.tables.landmarks
    assert tables is not None
    whole = LandmarkTables(
        mean=tables.mean, basis=tables.basis, rows=tables.rows, pose_share=np.eye(4, dtype=np.int32) << 16
    )
    sharing = replace(model, tables=replace(model.tables, landmarks=whole))
    own, driver = face(0.5, 0.5, 0.1), face(0.5, 0.5, 0.1, 0, SHAPE[::-1])
    of_driver, of_itself = moved(sharing, own, driver).motion, moved(sharing, own, own).motion
    assert of_driver is not None and of_itself is not None
    assert of_driver.any() and not of_itself.any()


@pytest.mark.parametrize("size", [0.5, 0.01])
def test_very_different_sizes_are_met_in_part(model: CodecModel, size: float) -> None:
    found = moved(model, face(0.5, 0.5, 0.1), face(0.5, 0.5, size)).content.landmarks
    assert found is not None
    spread = float((found - found.mean(0)).square().sum(1).mean().sqrt()) / 0.1
    assert spread == pytest.approx(MAX_SCALE if size > 0.1 else 1 / MAX_SCALE, rel=1e-3)


def test_without_a_face_on_both_sides_nothing_is_moved(model: CodecModel) -> None:
    shown, other, none = face(0.5, 0.5, 0.1), face(0.4, 0.5, 0.1), torch.full((478, 2), torch.nan)
    own = content(shown)
    one_eye = other.clone()
    one_eye[RIGHT_EYE] = one_eye[LEFT_EYE]
    for driver in (None, none, one_eye, torch.full((478, 2), 0.5)):
        found = Retargeter(model, own).follow(driver)
        assert found.content is own and found.motion is None
    for landmarks in (None, none, one_eye):
        faceless = replace(own, landmarks=landmarks)
        assert Retargeter(model, faceless).follow(other).content is faceless
    sprites = CodecModel.load("sprites-tiny", device="cpu")
    assert Retargeter(sprites, own).follow(other).content is own


def test_references_of_one_shot_leave_the_picture_where_it_is(model: CodecModel) -> None:
    follower = Retargeter(model, content(face(0.5, 0.5, 0.1)))
    first, shifted = face(0.4, 0.5, 0.12), face(0.43, 0.51, 0.125, 0.1)
    placed = follower.follow(first)
    assert placed.motion is not None
    again = follower.follow(shifted)
    assert again.content is placed.content and again.motion is not None
    moved = normalize_displacements(shifted[None, None], first[None])[0, 0]
    encoder = model.bcd.encoder.landmarks
    assert encoder is not None
    torch.testing.assert_close(again.motion - placed.motion, encoder.transform(moved.flatten()))
    assert follower.follow(None).content is placed.content, "a reference without a face"
    returned = follower.follow(first).motion
    assert returned is not None
    torch.testing.assert_close(returned, placed.motion)
    elsewhere = follower.follow(face(0.75, 0.4, 0.12))
    assert elsewhere.content is not placed.content
