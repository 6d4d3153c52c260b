"""Fades and dissolves are found with their ends; cuts, motion and changes of light are none."""

import numpy as np
import pytest
from media_kit import gray, textured
from numpy.typing import NDArray

from bcdcodec.video.cuts import thumbnail
from bcdcodec.video.transitions import TransitionDetector

Pictures = list[NDArray[np.uint8]]
FRAMES = 60


def found(pictures: list[NDArray[np.generic]]) -> TransitionDetector:
    detector = TransitionDetector()
    for picture in pictures:
        detector.push(thumbnail(np.ascontiguousarray(picture.astype(np.uint8))))
    return detector


def talking(seed: int) -> list[NDArray[np.float64]]:
    """A patch that moves to and fro before a scene."""
    scene, head = textured(seed, 160, 160) * 1.0, textured(seed + 50, 60, 80)
    pictures = []
    for index in range(FRAMES):
        picture = scene.copy()
        left = 50 + round(3 * np.sin(index / 2))
        picture[40:120, left : left + 60] = head
        pictures.append(picture)
    return pictures


@pytest.mark.parametrize("length", [4, 6, 9, 12, 20, 30])
def test_fades(length: int) -> None:
    pictures = talking(1)
    faded_in = found([picture * min(1, index / length) for index, picture in enumerate(pictures)])
    assert faded_in.flat_frames >= 1
    ((first, end),) = faded_in.ranges
    assert first <= 2 and abs(end - length) <= 1
    faded_out = found([picture * min(1, (FRAMES - 1 - index) / length) for index, picture in enumerate(pictures)])
    ((first, end),) = faded_out.ranges
    assert abs(first - (FRAMES - length)) <= 1 and end >= FRAMES - 2 and faded_out.flat_frames == 0


@pytest.mark.parametrize("length", [4, 6, 9, 12, 20, 30])
@pytest.mark.parametrize("seeds", [(1, 2), (3, 4), (5, 6)])
def test_dissolves(length: int, seeds: tuple[int, int]) -> None:
    one, other = map(talking, seeds)
    shares = [min(1, max(0, (index - 15) / length)) for index in range(FRAMES)]
    mixed = [(1 - share) * a + share * b for share, a, b in zip(shares, one, other, strict=True)]
    ((first, end),) = found(mixed).ranges
    assert max(abs(first - 16), abs(end - (15 + length))) <= max(2, length // 8)


def test_what_is_none() -> None:
    assert found(talking(1)).ranges == []
    assert found([*talking(1)[:20], *talking(2)[:20]]).ranges == []  # a cut
    blended = [*talking(1)[:20], (talking(1)[20] + talking(2)[20]) / 2, *talking(2)[21:40]]
    assert found(blended).ranges == []  # a cut with one blended frame
    lamp = [picture * (0.8 if index < 20 else 1.0) for index, picture in enumerate(talking(1))]
    assert found(lamp).ranges == []
    flash = [np.minimum(picture + 150 * (index == 20), 255) for index, picture in enumerate(talking(1))]
    assert found(flash).ranges == []


def test_pictures_that_show_nothing_at_the_beginning() -> None:
    pictures = talking(1)
    assert found([gray(16, 160, 160)] * 9 + pictures).flat_frames == 9
    assert found(pictures + [gray(16, 160, 160)] * 9).flat_frames == 0
    assert found([gray(16, 160, 160)] * 5).flat_frames == 5


def test_memory_is_bounded() -> None:
    detector = found(talking(1) * 3)
    assert len(detector._recent) == 33
