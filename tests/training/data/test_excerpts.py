"""Excerpts made other people's: the same in every frame, points where the picture has them, nothing out of range."""

import numpy as np
import pytest
import torch

from bcdcodec.training.data.excerpts import Augmentation

SIDE = 128


def dots(points: np.ndarray) -> np.ndarray:
    """A black picture with a soft white dot at each point (fractions of the picture)."""
    line = (np.arange(SIDE) + 0.5) / SIDE
    across = np.exp(-((line - points[:, :1]) ** 2) / (2 * 0.012**2))  # [N, SIDE]
    down = np.exp(-((line - points[:, 1:]) ** 2) / (2 * 0.012**2))
    picture = (255 * np.einsum("ny,nx->yx", down, across).clip(0, 1)).astype(np.uint8)
    return picture[None, ..., None].repeat(3, -1)


def center(picture: np.ndarray) -> np.ndarray:
    weight = picture[..., 0].astype(float)
    line = (np.arange(SIDE) + 0.5) / SIDE
    return np.array([(weight * line).sum(), (weight * line[:, None]).sum()]) / weight.sum()


def drawn(seed: int) -> Augmentation:
    """The first one after the seed that changes something."""
    for number in range(100):
        augmentation = Augmentation.draw(np.random.default_rng((seed, number)), SIDE)
        if augmentation.warp.any():
            return augmentation
    raise AssertionError("nothing changes anything")


@pytest.mark.parametrize("seed", range(5))
def test_points_go_where_the_picture_goes(seed: int) -> None:
    augmentation = Augmentation(warp=drawn(seed).warp)
    for point in ([[0.5, 0.5]], [[0.4, 0.6]], [[0.62, 0.42]]):
        where = np.array(point, np.float32)
        moved = augmentation.points(where)
        assert np.abs(moved - where).max() > 1e-3
        found = center(augmentation.pictures(dots(where))[0])
        assert np.abs(found - moved[0]).max() < 0.5 / SIDE  # half a pixel


def test_all_frames_change_alike() -> None:
    augmentation = drawn(1)
    picture = np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 3), np.uint8)
    plain = Augmentation(warp=augmentation.warp, color=augmentation.color, gamma=augmentation.gamma)
    first, second = plain.pictures(picture.repeat(2, 0))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, picture[0])


def test_none_changes_nothing() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), np.uint8)
    points = np.random.default_rng(0).random((2, 5, 2), np.float32)
    assert np.array_equal(Augmentation.none(SIDE).pictures(picture), picture)
    assert np.array_equal(Augmentation.none(SIDE).points(points), points)


def test_colors_keep_places_and_detail() -> None:
    """What alternates from pixel to pixel does so as strongly, up to gain and gamma; a soft copy would not."""
    augmentation = Augmentation.draw_colors(np.random.default_rng(3), SIDE)
    assert not torch.equal(augmentation.color, torch.eye(3))
    stripes = np.where(np.arange(SIDE)[None, :, None] % 2, 150, 110).astype(np.uint8)
    made = augmentation.pictures(np.broadcast_to(stripes, (SIDE, SIDE, 3))[None].copy())[0].astype(int)
    assert (np.diff(made, axis=1)[:, ::2] > 20).all() and (np.diff(made, axis=1)[:, 1::2] < -20).all()
    points = np.random.default_rng(0).random((2, 5, 2), np.float32)
    assert np.array_equal(augmentation.points(points), points)


def test_a_face_that_was_not_found_stays_so() -> None:
    points = np.full((2, 5, 2), np.nan, np.float32)
    points[1] = 0.5
    moved = drawn(2).points(points)
    assert np.isnan(moved[0]).all() and np.isfinite(moved[1]).all()


def test_the_same_seed_gives_the_same_excerpt_and_another_another() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), np.uint8)
    some = [Augmentation.draw(np.random.default_rng(seed), SIDE) for seed in (0, 0, 1, 2, 3, 4, 5, 6, 7, 8)]
    made = [augmentation.pictures(picture) for augmentation in some]
    assert np.array_equal(made[0], made[1])
    assert len({pictures.tobytes() for pictures in made}) > 5
    assert any(a.noise for a in some) and any(a.softness > 1 for a in some)
    assert any(not a.warp.any() and torch.equal(a.color, torch.eye(3)) for a in map(_drawn_at, range(40)))


def _drawn_at(seed: int) -> Augmentation:
    return Augmentation.draw(np.random.default_rng(seed), SIDE)
