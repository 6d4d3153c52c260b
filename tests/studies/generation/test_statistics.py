"""Speeds, events, features and diversity of motion that is known."""

import numpy as np
import pytest

from bcdcodec.studies.generation.statistics import (
    DIRECTIONS,
    WINDOW_FRAMES,
    count_events,
    diversity,
    motion_basis,
    motion_distance,
    motion_features,
    motion_statistics,
)
from bcdcodec.video.landmarks import LEFT_EYE, OPENINGS, POINTS, RIGHT_EYE


def face(frames: int) -> np.ndarray:
    """A still face [frames, POINTS, 2], eyes 100 apart and 10 open, mouth 5 open."""
    mesh = np.random.default_rng(0).uniform(0, 100, (POINTS, 2))
    mesh[LEFT_EYE], mesh[RIGHT_EYE] = (0, 0), (100, 0)
    for part, height in (("eyes", 10.0), ("mouth", 5.0)):
        for upper, lower in OPENINGS[part]:
            mesh[lower] = mesh[upper] + [0, height]
    return mesh[None].repeat(frames, 0)


def with_opening(part: str, openings: dict[int, float], frames: int = 50) -> np.ndarray:
    points = face(frames)
    for frame, height in openings.items():
        for upper, lower in OPENINGS[part]:
            points[frame, lower] = points[frame, upper] + [0, height]
    return points


def test_a_face_that_moves_evenly() -> None:
    points = face(50) + np.arange(50)[:, None, None] * [3.0, 4.0]
    found = motion_statistics([points], frame_rate=12.5)
    assert found.speed == pytest.approx(5 * 12.5)
    assert found.spread == pytest.approx(5 * np.arange(50).std())
    assert (found.blinks, found.mouth_openings) == (0, 0)


def test_events_are_short_shuts_and_openings() -> None:
    assert count_events(with_opening("eyes", {5: 3.0, 6: 2.0, 20: 3.0})) == (2, 0)
    assert count_events(with_opening("eyes", dict.fromkeys(range(10), 3.0))) == (0, 0), "too long for a blink"
    assert count_events(with_opening("mouth", {5: 9.0, 6: 9.0, 30: 8.0, 40: 6.0})) == (0, 2)
    rates = motion_statistics([with_opening("eyes", {5: 3.0})] * 6, frame_rate=12.5)
    assert rates.blinks == pytest.approx(6 / (6 * 50 / 12.5 / 60))


def walks(seed: int, size: float = 1.0, count: int = 8) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [face(50) + size * rng.normal(size=(50, POINTS, 2)).cumsum(0) for _ in range(count)]


def test_sets_of_one_kind_lie_near_and_others_far() -> None:
    basis = motion_basis(walks(0))
    assert np.allclose(basis @ basis.T, np.eye(DIRECTIONS), atol=1e-8)
    assert motion_features(walks(1), basis).shape == (8 * (50 // WINDOW_FRAMES), 2 * DIRECTIONS)
    alike, faster = (motion_distance(walks(2, size), walks(3), basis) for size in (1.0, 3.0))
    still = motion_distance([face(50)] * 8, walks(3), basis)
    assert alike < 0.3 * min(faster, still)


def test_diversity_is_the_mean_distance_of_pairs() -> None:
    still, moved = face(4), face(4)
    moved[1:] += [3.0, 4.0]
    assert diversity([still, still + 50]) == 0
    assert diversity([still, moved]) == pytest.approx(5 * 3 / 4)
    assert diversity([still, still, moved]) == pytest.approx(5 * 3 / 4 * 2 / 3)
