"""Links of the chain: planted losses show where they were planted."""

import numpy as np
import pytest

from bcdcodec.evaluation.metrics.judges import JUDGES
from bcdcodec.studies.validation.chain import LINKS, clip_chain, model_links, score_links, stack
from bcdcodec.studies.validation.model_landmarks import ModelLandmarks

MESH, DLIB = JUDGES["mesh"].layout, JUDGES["dlib"].layout
FRAMES = 12


@pytest.fixture
def reference() -> np.ndarray:
    """[478, 2], the eyes 100 pixels apart."""
    points = np.random.default_rng(0).uniform(50, 200, (478, 2)).astype(np.float32)
    points[33], points[263] = (80, 100), (180, 100)
    for upper, lower in MESH.openings["mouth"]:
        points[upper], points[lower] = (130, 150), (130, 150)
    return points


@pytest.fixture
def movement() -> np.ndarray:
    """[T, 478, 2]: lower lips that go down by up to 20 pixels and come back."""
    moved = np.zeros((FRAMES, 478, 2), np.float32)
    moved[:, [lower for _, lower in MESH.openings["mouth"]], 1] = (10 - 10 * np.cos(np.arange(FRAMES)))[:, None]
    return moved


def held(reference: np.ndarray, encoder: np.ndarray, nearest: np.ndarray, sent: np.ndarray) -> ModelLandmarks:
    still = np.repeat(reference[None], FRAMES, 0)
    placed = still + np.float32([3, 4])  # 5 of 100 pixels
    return ModelLandmarks(placed=placed, reference=still, encoder=encoder, nearest=nearest, sent=sent)


def test_each_loss_shows_in_its_link(reference: np.ndarray, movement: np.ndarray) -> None:
    source = reference + movement
    model = held(reference, movement, movement / 2, movement / 4)
    found = score_links(model_links(model, source), source, MESH)
    assert list(found) == list(LINKS)[:4]
    assert found["placed"].landmarks == pytest.approx(dict.fromkeys(MESH.names, 5) | {"expression": 0}, abs=1e-3)
    assert found["encoder"].landmarks == pytest.approx(dict.fromkeys(MESH.names, 0), abs=1e-4)
    gains = [found[link].apertures["mouth"].gain for link in list(LINKS)[:4]]
    assert gains == pytest.approx([1, 1, 0.5, 0.25], abs=1e-3)
    errors = [found[link].landmarks["mouth"] for link in ("encoder", "nearest", "sent")]
    assert errors[0] < errors[1] < errors[2] == pytest.approx(1.5 * errors[1], rel=1e-3)


def test_links_share_their_frames(reference: np.ndarray, movement: np.ndarray) -> None:
    """A frame without a face in one link counts in none, whatever its error would have been in another."""
    source = reference + movement
    warped, decoded = source.copy(), source.copy()
    decoded[3] += 50
    warped[3] = np.nan
    found = score_links({"warped": warped, "decoded": decoded}, source, MESH)
    assert found["decoded"].landmarks["all"] == 0
    assert score_links({"warped": np.full_like(source, np.nan)}, source, MESH) == {}


def test_the_second_judge_sees_pictures_alone(reference: np.ndarray, movement: np.ndarray) -> None:
    source = reference + movement
    points68 = [np.random.default_rng(1).uniform(50, 200, (68, 2)).astype(np.float32)] * FRAMES
    tracks = {"mesh": list(source), "dlib": points68}
    chain = clip_chain(held(reference, movement, movement, movement), tracks, {"warped": tracks, "decoded": tracks})
    assert list(chain["mesh"]) == list(LINKS) and list(chain["dlib"]) == ["warped", "decoded"]
    assert list(clip_chain(None, tracks, {"decoded": tracks})["mesh"]) == ["decoded"]
    lost = {"mesh": [None] * FRAMES, "dlib": points68}
    assert list(clip_chain(None, tracks, {"warped": tracks, "decoded": lost})) == ["dlib"]


def test_tracks_become_arrays() -> None:
    found = stack([np.ones((68, 3), np.float32), None], DLIB)
    assert found.shape == (2, 68, 2) and (found[0] == 1).all() and np.isnan(found[1]).all()
