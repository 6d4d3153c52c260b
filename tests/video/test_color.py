"""Untagged pictures get the matrix that players assume for their size; high dynamic range is mapped to BT.709."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from av import VideoFrame
from media_kit import write_video

from bcdcodec.video.color import to_rgb
from bcdcodec.video.reader import read_clip

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


def pq(nits: float) -> float:
    """Code of a luminance in cd/m2 by SMPTE ST 2084."""
    power = (nits / 10_000) ** 0.1593017578125
    result: float = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    return result


def hlg(nits: float) -> float:
    """Code of the gray that a screen of 1000 cd/m2 shows at a luminance (ITU-R BT.2100-2)."""
    scene = (nits / 1000) ** (1 / 1.2)
    if scene <= 1 / 12:
        return float(np.sqrt(3 * scene))
    return float(0.17883277 * np.log(12 * scene - 0.28466892) + 0.55991073)


def ten_bits(y: float, transfer: int, primaries: int = 9, *, cb: float = 0.5, cr: float = 0.5) -> VideoFrame:
    """A flat picture of BT.2020 in limited range; y from 0 to 1, cb and cr around 0.5."""
    frame = VideoFrame(64, 48, "yuv420p10le")
    levels = round(64 + 876 * y), round(64 + 896 * cb), round(64 + 896 * cr)
    for plane, level in zip(frame.planes, levels, strict=True):
        plane.update(np.full(plane.buffer_size // 2, level, np.uint16).tobytes())
    frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries = 9, 1, transfer, primaries
    return frame


@pytest.mark.parametrize(("transfer", "code"), [(16, pq), (18, hlg)])
@pytest.mark.parametrize("nits", [2, 10, 26, 60, 120, 190])
def test_high_dynamic_range_is_shown_as_a_screen_would(
    transfer: int, code: Callable[[float], float], nits: float, tmp_path: Path
) -> None:
    """Black to white of 203 cd/m2, by BT.1886 (gamma 2.4), through a file of HEVC."""
    expected = 255 * (nits / 203) ** (1 / 2.4)
    frame = ten_bits(code(nits), transfer)
    path = write_video(tmp_path / "hdr.mkv", [frame] * 3, codec="libx265", pix_fmt="yuv420p10le")
    for pixels in (to_rgb(frame, 16, 16), *read_clip(path, rate=25, pixels=16)):
        assert np.abs(pixels.astype(float) - expected).max() < 4
        assert np.ptp(pixels) <= 2


def test_bright_lights_are_white_and_skin_keeps_its_colour() -> None:
    assert to_rgb(ten_bits(pq(900), 16), 16, 16).min() > 250
    red, green, blue = to_rgb(ten_bits(0.4, 18, cb=0.45, cr=0.54), 16, 16).reshape(-1, 3).mean(0)
    wide = to_rgb(ten_bits(0.4, 14, cb=0.45, cr=0.54), 16, 16).reshape(-1, 3).mean(0)
    narrow = to_rgb(ten_bits(0.4, 1, 1, cb=0.45, cr=0.54), 16, 16).reshape(-1, 3).mean(0)
    assert red > green + 10 > blue + 20
    assert wide[0] - wide[2] > narrow[0] - narrow[2] + 3  # a wide gamut looks paler where it is not mapped
