"""Enlarging of small grids as products of matrices, several times faster on a CPU than interpolation pixel by pixel."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F


def enlarge(grid: Tensor, side: int, mode: Literal["bilinear", "bicubic"]) -> Tensor:
    """Interpolate [N, C, S, S] to [N, C, side, side], as `F.interpolate` does without aligned corners."""
    if grid.shape[-1] == side:
        return grid
    each = torch.eye(grid.shape[-1], dtype=grid.dtype, device=grid.device)
    # Interpolation is linear, and goes along rows and columns apart: what it makes of unit vectors is all of it.
    weights = F.interpolate(each[None, None], size=(side, len(each)), mode=mode, align_corners=False)[0, 0]
    return weights @ grid @ weights.T
