"""Frechet and kernel distance between two sets of features, float64 [N, D]; lower is better.

Frechet distance: Heusel et al., *GANs Trained by a Two Time-Scale Update Rule ...*, 2017: both sets as Gaussians,

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))

from 0; too large for few pictures, so compare sets of one size only. Kernel distance: Binkowski et al., *Demystifying
MMD GANs*, 2018: the squared maximum mean discrepancy of k(x, y) = (x.y / D + 1)^3, unbiased, hence about 0 for two sets
of one kind whatever their size, and sometimes below. With features.py's features neither is FID or KID; see there.
"""

import numpy as np
from numpy.typing import NDArray

from bcdcodec.errors import ConfigError

FeatureSet = NDArray[np.float64]
#: Rows of a set that has a spread.
MIN_ROWS = 2


def frechet_distance(found: FeatureSet, expected: FeatureSet) -> float:
    """Frechet distance with unbiased covariances; at least two rows in each set."""
    _check(found, expected)
    roots = [item - item.mean(axis=0) for item in (found, expected)]
    roots = [item / np.sqrt(len(item) - 1) for item in roots]
    # With S = A'A, tr (S1 S2)^(1/2) is the sum of the singular values of A1 A2': exact, and of the sets' size, not D's.
    crossed = np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum()
    spread = sum(float((item**2).sum()) for item in roots)
    shift = float(((found.mean(axis=0) - expected.mean(axis=0)) ** 2).sum())
    return shift + spread - 2 * float(crossed)


def kernel_distance(found: FeatureSet, expected: FeatureSet) -> float:
    """Unbiased kernel distance (pairs of a row with itself excluded); at least two rows in each set."""
    _check(found, expected)
    across = _kernel(found, expected).mean()
    return _mean_off_diagonal(_kernel(found, found)) + _mean_off_diagonal(_kernel(expected, expected)) - 2 * across


def _kernel(x: FeatureSet, y: FeatureSet) -> FeatureSet:
    return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)


def _mean_off_diagonal(square: FeatureSet) -> float:
    count = len(square)
    return float((square.sum() - np.trace(square)) / (count * (count - 1)))


def _check(found: FeatureSet, expected: FeatureSet) -> None:
    shapes = [found.shape, expected.shape]
    if any(len(shape) != 2 or shape[0] < MIN_ROWS or shape[1] < 1 for shape in shapes) or shapes[0][1] != shapes[1][1]:
        raise ConfigError(
            f"feature sets are {list(shapes[0])} and {list(shapes[1])}, need [N >= {MIN_ROWS}, D] with one D"
        )
