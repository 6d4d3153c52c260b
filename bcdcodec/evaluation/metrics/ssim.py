"""Structural similarity (SSIM) and its multi-scale variant (MS-SSIM), one value a frame; higher is better.

SSIM: Wang, Bovik, Sheikh, Simoncelli, *Image Quality Assessment: From Error Visibility to Structural Similarity*, 2004.
MS-SSIM: Wang, Simoncelli, Bovik, *Multiscale Structural Similarity for Image Quality Assessment*, 2003. Both on BT.601
luma of the full range, not rounded; Gaussian window of 11 pixels, sigma 1.5, only where it lies inside the picture.
SSIM is from -1 to 1. MS-SSIM is from 0 to 1: a scale whose mean is negative counts as 0. Equal frames have 1.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bcdcodec.evaluation.metrics.pair import Values, Video, check_pair

LUMA = (0.299, 0.587, 0.114)
WINDOW, SIGMA = 11, 1.5
#: (K1 L)^2 and (K2 L)^2 of the paper, for 8-bit pictures.
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
#: Exponents of the five scales, from the finest.
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
#: The coarsest scale must hold one window.
LEAST_SIDE = WINDOW * 2 ** (len(SCALES) - 1)


def ssim(found: Video, expected: Video) -> Values:
    """SSIM of every frame, the mean of its map; ConfigError below 11 pixels a side."""
    check_pair(found, expected, least_side=WINDOW)
    return np.array([float(_ssim(*_lumas(*pair))[0]) for pair in zip(found, expected, strict=True)])


def ms_ssim(found: Video, expected: Video) -> Values:
    """MS-SSIM of every frame: product over five scales of 2x2 means; ConfigError below 176 pixels a side."""
    check_pair(found, expected, least_side=LEAST_SIDE)
    return np.array([_ms_ssim(*_lumas(*pair)) for pair in zip(found, expected, strict=True)])


def _ms_ssim(x: Tensor, y: Tensor) -> float:
    product = 1.0
    for scale, exponent in enumerate(SCALES):
        full, contrast = _ssim(x, y)
        last = scale == len(SCALES) - 1  # luminance is compared at the coarsest scale only
        product *= max(0.0, float(full if last else contrast)) ** exponent
        x, y = functional.avg_pool2d(x, 2), functional.avg_pool2d(y, 2)
    return product


def _lumas(found: Video, expected: Video) -> tuple[Tensor, Tensor]:
    x, y = (torch.from_numpy(picture @ np.array(LUMA)) for picture in (found, expected))
    return x[None, None], y[None, None]  # [1, 1, H, W]


def _ssim(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Means of the SSIM map and of its contrast-structure factor."""
    mu_x, mu_y, xx, yy, xy = _blur(torch.cat([x, y, x * x, y * y, x * y])).unbind()
    contrast = (2 * (xy - mu_x * mu_y) + C2) / (xx - mu_x**2 + yy - mu_y**2 + C2)
    luminance = (2 * mu_x * mu_y + C1) / (mu_x**2 + mu_y**2 + C1)
    return (luminance * contrast).mean(), contrast.mean()


def _blur(planes: Tensor) -> Tensor:
    """Gaussian blur of planes [B, 1, H, W], valid positions only: [B, 1, H - 10, W - 10]."""
    offsets = torch.arange(WINDOW, dtype=planes.dtype) - WINDOW // 2
    window = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    window = window / window.sum()
    return functional.conv2d(functional.conv2d(planes, window.view(1, 1, -1, 1)), window.view(1, 1, 1, -1))
