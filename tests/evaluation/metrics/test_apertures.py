"""Apertures of planted faces: what follows has 1, what is held 0, and a face that keeps still says nothing."""

import numpy as np
import pytest

from bcdcodec.evaluation.metrics.landmarks import apertures, tracking_fits
from bcdcodec.video.landmarks import Points


def face(mouth: float, eyes: float, *, scale: float = 1.0) -> Points:
    """Eyes 50 pixels apart times scale; lips and lids apart by so many % of that."""
    points = np.zeros((478, 3), np.float32)
    points[263, 0] = 50
    for pairs, part in (
        (((13, 14), (82, 87), (312, 317)), mouth),
        (((159, 145), (158, 153), (386, 374), (385, 380)), eyes),
    ):
        for upper, lower in pairs:
            points[upper, 1], points[lower, 1] = 100, 100 + part / 2
    return points * np.float32(scale) + 7


def test_apertures_do_not_depend_on_size_and_position() -> None:
    assert apertures(face(12, 5, scale=3)) == pytest.approx({"mouth": 12, "eyes": 5}, rel=1e-4)


def test_tracking_fits() -> None:
    speech = 8 + 6 * np.sin(np.arange(40))
    rng = np.random.default_rng(0)
    source = [apertures(face(value, 6)) for value in speech]
    half = [apertures(face(4 + value / 2, 6)) for value in speech]
    held = [apertures(face(speech[0], 6)) for _ in speech]
    noise = [apertures(face(8 + rng.normal(), 6)) for _ in speech]
    found = tracking_fits(half, source)
    assert set(found) == {"mouth"}, "the eyes of the source keep still"
    assert found["mouth"].correlation == pytest.approx(1, abs=1e-4)
    assert found["mouth"].gain == pytest.approx(0.5, abs=1e-4)
    frozen = tracking_fits(held, source)["mouth"]
    assert frozen.correlation == 0 and frozen.gain == pytest.approx(0)
    assert abs(tracking_fits(noise, source)["mouth"].correlation) < 0.4


def test_two_frames_say_nothing() -> None:
    opened = [apertures(face(value, value)) for value in (0.0, 20.0)]
    assert tracking_fits(opened, opened) == {}
