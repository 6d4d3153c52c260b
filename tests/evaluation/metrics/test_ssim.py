"""Structural similarity against another implementation, by hand, and in its order."""

import numpy as np
import pytest
from numpy.typing import NDArray

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.metrics.ssim import C1, LUMA, SCALES, ms_ssim, ssim

Video = NDArray[np.uint8]


@pytest.fixture(scope="module")
def noisy(texture: Video) -> Video:
    """The texture under ever more noise: uint8 [3, H, W, 3]."""
    rng = np.random.default_rng(1)
    return np.stack(
        [np.clip(texture + rng.normal(0, level, texture.shape), 0, 255).astype(np.uint8) for level in (5, 15, 45)]
    )


def test_equal_videos_score_one(noisy: Video) -> None:
    for measure in (ssim, ms_ssim):
        values = measure(noisy, noisy)
        assert values.dtype == np.float64 and values.shape == (3,)
        assert values == pytest.approx(1, abs=1e-12)


def test_more_noise_is_worse(noisy: Video, texture: Video) -> None:
    for measure in (ssim, ms_ssim):
        values = measure(noisy, np.stack([texture] * 3))
        assert 1 > values[0] > values[1] > values[2] > 0
        assert (np.diff(values) < -0.01).all()


def test_frames_are_compared_with_their_own(noisy: Video) -> None:
    for measure in (ssim, ms_ssim):
        assert (measure(np.roll(noisy, 1, axis=0), noisy) < 0.99).all()


def test_flat_pictures_by_hand() -> None:
    """Without structure only the luminance is left."""
    gray, lighter = np.full((1, 176, 176, 3), 100, np.uint8), np.full((1, 176, 176, 3), 150, np.uint8)
    luminance = (2 * 100 * 150 + C1) / (100**2 + 150**2 + C1)
    assert ssim(lighter, gray) == pytest.approx(luminance, rel=1e-9)
    assert ms_ssim(lighter, gray) == pytest.approx(luminance ** SCALES[-1], rel=1e-9)


def test_the_exponents_and_luma_sum_to_one() -> None:
    assert sum(SCALES) == pytest.approx(1, abs=2e-4)  # as published
    assert sum(LUMA) == pytest.approx(1)


def test_against_scikit_image(noisy: Video, texture: Video) -> None:
    metrics = pytest.importorskip("skimage.metrics")
    for picture in noisy:
        expected = metrics.structural_similarity(
            picture @ np.array(LUMA),
            texture @ np.array(LUMA),
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        assert ssim(picture[None], texture[None]) == pytest.approx(expected, abs=1e-9)


def test_five_scales_against_scikit_image(noisy: Video, texture: Video) -> None:
    """At each scale the contrast is what SSIM is with the luminance divided out, read from a window's own sums."""
    ndimage = pytest.importorskip("scipy.ndimage")
    x, y = noisy[1] @ np.array(LUMA), texture @ np.array(LUMA)
    product = 1.0
    for scale, exponent in enumerate(SCALES):
        mean = {
            name: ndimage.gaussian_filter(value, 1.5, truncate=3.5)[5:-5, 5:-5]
            for name, value in (("x", x), ("y", y), ("xx", x * x), ("yy", y * y), ("xy", x * y))
        }
        both, c2 = mean["x"] * mean["y"], (0.03 * 255) ** 2
        squares = mean["x"] ** 2 + mean["y"] ** 2
        factor = (2 * (mean["xy"] - both) + c2) / (mean["xx"] + mean["yy"] - squares + c2)
        if scale == 4:
            factor = factor * (2 * both + C1) / (squares + C1)
        product *= factor.mean() ** exponent
        rows, columns = x.shape[0] // 2 * 2, x.shape[1] // 2 * 2
        x, y = (v[:rows, :columns].reshape(rows // 2, 2, columns // 2, 2).mean((1, 3)) for v in (x, y))
    assert ms_ssim(noisy[1:2], texture[None]) == pytest.approx(product, abs=1e-9)


def test_pictures_that_are_too_small() -> None:
    small = np.zeros((1, 175, 300, 3), np.uint8)
    with pytest.raises(ConfigError, match="at least 176"):
        ms_ssim(small, small)
    with pytest.raises(ConfigError, match="at least 11"):
        ssim(small[:, :10], small[:, :10])
    assert ssim(small[:, :11, :11], small[:, :11, :11]) == pytest.approx(1)
