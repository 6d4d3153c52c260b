"""Lossless video and images: exact round trips; other files are refused with a one-line message."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bcdcodec.errors import VideoError
from bcdcodec.video.lossless import read_rgba, write_lossless
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
