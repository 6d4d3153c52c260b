"""Inception score, entropies and mutual information of distributions whose values are known."""

import numpy as np
import pytest

from bcdcodec.studies.sprites.scores import entropy_bits, inception, normalized_mutual_information


def test_inception_of_clear_and_unclear_clips() -> None:
    clear = inception(np.eye(9, dtype=np.float32).repeat(5, 0))
    assert clear.inception_score == pytest.approx(9) and clear.conditional_entropy == pytest.approx(0, abs=1e-6)
    assert clear.marginal_entropy == pytest.approx(np.log(9))
    unclear = inception(np.full((20, 9), 1 / 9, np.float32))
    assert unclear.inception_score == pytest.approx(1) and unclear.conditional_entropy == pytest.approx(np.log(9))
    one = inception(np.eye(9, dtype=np.float32)[[3] * 10])
    assert one.inception_score == pytest.approx(1) and one.marginal_entropy == pytest.approx(0, abs=1e-6)


def test_bits() -> None:
    assert entropy_bits(np.arange(64)) == pytest.approx(6)
    assert entropy_bits(np.array([5, 5, 5])) == 0


def test_mutual_information() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 63, 4000)
    assert normalized_mutual_information(truth, rng.permutation(63)[truth]) == pytest.approx(1)
    assert normalized_mutual_information(truth, rng.integers(0, 63, 4000)) < 0.15
    assert normalized_mutual_information(truth, np.zeros(4000, np.int64)) == 0
    # Half of the poses merged in pairs: H(a) = 6, H(b) = 5, together 6 bits.
    pairs = np.arange(64).repeat(10)
    assert normalized_mutual_information(pairs, pairs // 2) == pytest.approx(5 / 5.5)
