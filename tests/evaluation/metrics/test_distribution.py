"""Distances of Gaussians worked out by hand, and no bias where there must be none."""

import numpy as np
import pytest

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.metrics.distribution import frechet_distance, kernel_distance


def whitened(rng: np.random.Generator, count: int, width: int) -> np.ndarray:
    """Rows whose mean is exactly 0 and whose covariance is exactly the identity."""
    rows = rng.normal(size=(count, width))
    rows -= rows.mean(axis=0)
    return np.linalg.qr(rows)[0] * np.sqrt(count - 1)


def test_frechet_by_hand() -> None:
    """Diagonal covariances commute: |m1 - m2|^2 + sum of (s1 - s2)^2."""
    rng = np.random.default_rng(0)
    x = whitened(rng, 50, 3) * [1, 2, 3]
    y = whitened(rng, 70, 3) * [4, 2, 1] + [1, 0, -2]
    assert frechet_distance(x, y) == pytest.approx(5 + 9 + 0 + 4, rel=1e-9)
    assert frechet_distance(y, x) == pytest.approx(18, rel=1e-9)


def test_frechet_with_covariances_that_do_not_commute() -> None:
    """Against the formula as it is written, by eigenvalues of S1 S2."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(40, 4)) @ rng.normal(size=(4, 4)), rng.normal(size=(60, 4)) @ rng.normal(size=(4, 4)) + 1
    one, other = np.cov(x.T), np.cov(y.T)
    root = np.sqrt(np.linalg.eigvals(one @ other).astype(complex)).real.sum()
    shift = ((x.mean(axis=0) - y.mean(axis=0)) ** 2).sum()
    assert frechet_distance(x, y) == pytest.approx(shift + np.trace(one) + np.trace(other) - 2 * root, rel=1e-9)


def test_frechet_of_fewer_pictures_than_features() -> None:
    x = np.random.default_rng(2).normal(size=(10, 1280))
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-8)
    assert frechet_distance(x + 2, x) == pytest.approx(4 * 1280, rel=1e-9)


def test_kernel_by_hand() -> None:
    """D = 1: k(x, y) = (x y + 1)^3."""
    x, y = np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]])
    own, theirs, across = 1, 27, (1 + 1 + 8 + 27) / 4
    assert kernel_distance(x, y) == pytest.approx(own + theirs - 2 * across)


def test_the_kernel_distance_has_no_bias_and_the_frechet_distance_has() -> None:
    rng = np.random.default_rng(3)
    pairs = [rng.normal(size=(2, 20, 8)) for _ in range(400)]
    kernel = np.array([kernel_distance(*pair) for pair in pairs])
    error = kernel.std() / np.sqrt(len(kernel))
    assert abs(kernel.mean()) < 3 * error
    assert kernel.min() < 0 < kernel.max()
    assert np.mean([frechet_distance(*pair) for pair in pairs]) > 1


def test_other_distributions_are_further() -> None:
    rng = np.random.default_rng(4)
    base, *others = (rng.normal(shift, 1, (100, 8)) for shift in (0, 0, 0.5, 1))
    for distance in (frechet_distance, kernel_distance):
        values = [distance(other, base) for other in others]
        assert values[0] < values[1] < values[2]


@pytest.mark.parametrize("shape", [(1, 3), (5, 4), (5,), (5, 0)])
def test_sets_that_cannot_be_compared(shape: tuple[int, ...]) -> None:
    for distance in (frechet_distance, kernel_distance):
        with pytest.raises(ConfigError, match="feature sets are"):
            distance(np.zeros(shape), np.zeros((5, 3)))
