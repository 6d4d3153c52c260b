"""Clips that are framed already: the centred square at the requested frame rate."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from bcdcodec.video.clip import read_clip
from bcdcodec.video.lossless import write_lossless


def test_frames_are_centerd_squares_in_order(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (4, 64, 96, 3), np.uint8)
    write_lossless(tmp_path / "wide.mkv", frames, rate=Fraction(25, 2))
    found = np.stack(list(read_clip(tmp_path / "wide.mkv", rate=Fraction(25, 2), pixels=64)))
    assert np.array_equal(found, frames[:, :, 16:80])
