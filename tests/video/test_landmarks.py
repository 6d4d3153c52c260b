"""Test what the face mesh is given to look at."""

import numpy as np
import pytest
import torch

from bcdcodec.video.landmarks import _sample


@pytest.mark.parametrize("center", [(20.0, 15.0), (-3.0, 40.0)], ids=["inside", "over-the-edge"])
def test_a_turned_square_is_sampled_bilinearly_and_repeats_the_border(center: tuple[float, float]) -> None:
    """PyTorch's sampler of pictures gives the same."""
    height, width = 32, 48
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    across, down = np.meshgrid(np.arange(-8, 8, dtype=np.float32), np.arange(-8, 8, dtype=np.float32))
    x, y = center[0] + 0.9 * across - 0.4 * down, center[1] + 0.4 * across + 0.9 * down
    x, y = x.astype(np.float32), y.astype(np.float32)

    places = torch.from_numpy(np.stack([2 * x / width - 1, 2 * y / height - 1], axis=-1))[None]
    planes = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
    expected = torch.nn.functional.grid_sample(planes, places, padding_mode="border", align_corners=False)

    np.testing.assert_allclose(_sample(pixels, x, y), expected[0].permute(1, 2, 0).numpy(), atol=0.01)
