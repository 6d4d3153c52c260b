"""Lossless video and images: exact round trips; other files are refused with a one-line message."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from bcdcodec.errors import VideoError
from bcdcodec.video.lossless import pack_png, read_rgba, write_lossless
from bcdcodec.video.reader import VideoReader


def test_frames_come_back_exactly(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (5, 64, 48, 3), np.uint8)
    write_lossless(tmp_path / "a.mkv", frames, rate=Fraction(25))
    with VideoReader(tmp_path / "a.mkv", Fraction(25)) as reader:
        assert np.array_equal(np.stack([frame.pixels for frame in reader]), frames)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        write_lossless(tmp_path / "a.mkv", [np.zeros((8, 8), np.uint8)], rate=Fraction(25))
    assert not list(tmp_path.iterdir())


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(VideoError, match=r"a\.png"):
        read_rgba(tmp_path / "a.png")
    with pytest.raises(VideoError, match=r"missing\.png"):
        read_rgba(tmp_path / "missing.png")


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (3, 7), (40, 33)])
def test_png_without_loss(size: tuple[int, int], tmp_path: Path) -> None:
    pixels = picture(*size)
    (tmp_path / "a.png").write_bytes(pack_png(pixels, text="où: é"))
    with av.open(str(tmp_path / "a.png")) as media:
        (frame,) = media.decode(video=0)
        assert np.array_equal(frame.to_ndarray(format="rgb24"), pixels)


def test_captions_are_in_the_file() -> None:
    data = pack_png(picture(2, 2), text="from é")
    assert b"iTXtDescription\0\0\0\0\0" + "from é".encode() in data
    assert b"iTXt" not in pack_png(picture(2, 2))
    assert io.BytesIO(data).read(8) == b"\x89PNG\r\n\x1a\n"
