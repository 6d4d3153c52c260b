"""Untagged pictures get the matrix that players assume for their size."""

import numpy as np
import pytest
from av import VideoFrame

from bcdcodec.video.color import to_rgb

#: A saturated green: (Y, Cb, Cr) in limited range, and its RGB by either matrix (ITU-R BT.601-7 and BT.709-6).
COLOR = (145, 54, 34)
BT601, BT709 = (0, 255, 1), (0, 216, 0)


def untagged(width: int, height: int) -> VideoFrame:
    y, cb, cr = COLOR
    planes = [
        np.full((height, width), y),
        np.full((height // 2, width // 2), cb),
        np.full((height // 2, width // 2), cr),
    ]
    rows = np.concatenate([plane.reshape(-1, width) for plane in planes]).astype(np.uint8)
    return VideoFrame.from_ndarray(rows, format="yuv420p")


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((640, 480), BT601),
        ((720, 576), BT601),
        ((1280, 640), BT709),
        ((1280, 720), BT709),
        ((960, 720), BT709),
        ((720, 1280), BT709),
        ((1024, 576), BT601),
    ],
)
def test_matrix_by_size(size: tuple[int, int], expected: tuple[int, int, int]) -> None:
    pixels = to_rgb(untagged(*size), 16, 16)
    found = pixels.reshape(-1, 3).mean(0)
    other = BT601 if expected == BT709 else BT709
    assert np.abs(found - expected).sum() < np.abs(found - other).sum() and np.abs(found - expected).max() < 12
