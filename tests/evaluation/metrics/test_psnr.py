"""Ratios that can be worked out by hand."""

import numpy as np
import pytest

from bcdcodec.evaluation.metrics.psnr import psnr_db


def test_known_errors() -> None:
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    assert psnr_db(white, black) == pytest.approx(0)
    assert psnr_db(black + np.uint8(1), black) == pytest.approx(48.1308, abs=1e-4)
    assert psnr_db(black, black + np.uint8(1)) == psnr_db(black + np.uint8(1), black)


def test_one_wrong_channel_counts_a_third() -> None:
    black, red = np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 255
    assert psnr_db(red, black) == pytest.approx(10 * np.log10(3))


def test_equal_pictures_have_a_finite_ratio() -> None:
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert psnr_db(picture, picture) == pytest.approx(58.92, abs=0.01)
