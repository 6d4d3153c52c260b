"""The teacher finds a known displacement, in the units and order that the warper uses."""

import pytest
import torch

from bcdcodec.model.warp import resize_flow, warp_frames
from bcdcodec.training.data.flow import teacher_flow

pytest.importorskip("cv2")


def textured() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(1, 3, 16, 16, generator=generator)
    return torch.nn.functional.interpolate(noise, size=64, mode="bicubic").clamp(0, 1) * 2 - 1


def test_a_shift_is_found_in_latent_pixels() -> None:
    seen = textured()
    wanted = seen.roll((4, -2), (-1, -2))[:, None]  # each pixel comes from four to its left and two below
    flow = teacher_flow(seen, wanted, 32)
    assert flow.shape == (1, 1, 2, 32, 32)
    middle = flow[0, 0, :, 8:24, 8:24].mean((1, 2))
    assert middle.tolist() == pytest.approx([-2.0, 1.0], abs=0.2)
    moved = warp_frames(seen, resize_flow(flow, 64))
    inside = (..., slice(10, 54), slice(10, 54))
    error, before = (moved - wanted)[inside].square().mean(), (seen[:, None] - wanted)[inside].square().mean()
    assert error < 0.1 * before
