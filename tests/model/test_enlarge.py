"""Enlarging by matrices is interpolation."""

import pytest
import torch
from torch.nn import functional as F

from bcdcodec.model.enlarge import enlarge


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("side", "larger"), [(16, 32), (16, 64), (24, 64)])
def test_it_is_what_interpolation_gives(mode: str, side: int, larger: int) -> None:
    grid = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    expected = F.interpolate(grid, size=(larger, larger), mode=mode, align_corners=False)
    torch.testing.assert_close(enlarge(grid, larger, mode), expected, rtol=0, atol=2e-5)  # type: ignore[arg-type]


def test_a_grid_of_the_size_stays() -> None:
    grid = torch.randn(1, 2, 8, 8)
    assert enlarge(grid, 8, "bicubic") is grid
