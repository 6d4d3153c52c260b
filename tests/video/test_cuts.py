"""Cut detection: cuts are detected, motion and changes of light are not."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media_kit import Picture, gray, textured

from bcdcodec.frame import Frame
from bcdcodec.video.cuts import CutDetector, difference, thumbnail
from bcdcodec.video.reader import VideoReader


def cuts(pictures: Iterable[Picture]) -> list[int]:
    detector = CutDetector()
    return [at for at, pixels in enumerate(pictures) if detector.is_cut(Frame(pixels=pixels, index=at))]


def test_every_change_of_picture_is_a_cut() -> None:
    assert cuts(textured(at // 5, 160, 120) for at in range(25)) == [5, 10, 15, 20]


def test_first_frame_noise_and_flat_pictures_are_not() -> None:
    rng = np.random.default_rng(0)
    noisy = (textured(1, 160, 120).astype(int) + rng.normal(0, 8, (20, 120, 160, 3))).clip(0, 255).astype(np.uint8)
    assert cuts(noisy) == []
    assert cuts([gray(20)] * 3 + [gray(26)] * 3) == []


def test_a_head_that_moves_fast_is_not() -> None:
    scene = textured(4, 256, 256) // 3
    head = textured(9, 110, 140)
    pictures = []
    for at in range(24):
        picture = scene.copy()
        x = 70 + round(45 * np.sin(at / 1.5))  # up to 30 pixels a frame
        picture[60:200, x : x + 110] = head
        pictures.append(picture)
    assert cuts(pictures) == []


def test_a_brighter_lamp_is_not() -> None:
    scene = textured(4, 256, 256).astype(np.float32)
    assert cuts((scene * level).astype(np.uint8) for level in (0.6, 0.6, 0.65, 0.7, 0.7)) == []


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 50), (36, 36), (1280, 720)])
def test_any_size(width: int, height: int) -> None:
    found = thumbnail(gray(100, width, height))
    assert found.shape == (min(36, height), min(36, width))
    assert np.allclose(found, 100, atol=0.5)
    assert difference(found, found) == pytest.approx(0, abs=1e-5)


@pytest.mark.data
def test_real_clips(clips: list[Path]) -> None:
    """No cut inside a clip, one at every change of person."""
    pictures, expected = [], []
    for clip in clips[:12]:
        expected.append(len(pictures))
        with VideoReader(clip, Fraction(25, 2)) as reader:
            pictures += [frame.pixels for frame in reader][:60]
    assert cuts(pictures) == expected[1:]
