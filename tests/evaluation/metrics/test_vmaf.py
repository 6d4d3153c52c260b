"""Order, timing and what goes wrong."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from media_kit import needs
from numpy.typing import NDArray

from bcdcodec.errors import ConfigError, MissingExtraError, VideoError
from bcdcodec.evaluation.metrics.vmaf import LEAST_SIDE, vmaf

Video = NDArray[np.uint8]


def test_equal_and_blurred(blurs: Video, face: Video) -> None:
    needs("imageio_ffmpeg")
    found = vmaf(blurs, np.stack([face] * 4))
    assert found.shape == (4,) and found.dtype == np.float64
    assert found[0] > 97
    assert (np.diff(found) < -3).all() and (found >= 0).all()


def test_frames_are_compared_with_their_own(texture: Video) -> None:
    needs("imageio_ffmpeg")
    expected = np.stack([np.roll(texture, 5 * index, axis=1) for index in range(6)])
    assert (vmaf(expected, expected) > 95).all()
    late = vmaf(expected[[0, 0, 1, 2, 3, 4]], expected)
    assert late[0] > 95 and (late[1:] < 60).all()


def test_odd_sizes(texture: Video) -> None:
    needs("imageio_ffmpeg")
    for height, width in ((LEAST_SIDE, 19), (33, 101)):
        cut = texture[None, :height, :width]
        assert vmaf(cut, cut).shape == (1,)
    with pytest.raises(ConfigError, match="at least 17"):
        vmaf(texture[None, :16], texture[None, :16])


def test_a_missing_program_is_named(texture: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(MissingExtraError, match="imageio_ffmpeg"):
        vmaf(texture[None], texture[None])


def test_a_program_that_fails(texture: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", SimpleNamespace(get_ffmpeg_exe=lambda: "false"))
    with pytest.raises(VideoError, match="status 1: no message"):
        vmaf(texture[None], texture[None])
