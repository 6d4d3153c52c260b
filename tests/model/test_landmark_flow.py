"""Dense flow from landmarks: exact where they are dense, zero where there are none."""

import pytest
import torch
from torch.nn import functional

from bcdcodec.model import landmark_flow
from bcdcodec.model.landmark_flow import dense_flow


def test_a_face_that_moves_as_one_is_followed_exactly() -> None:
    """Points in the middle all went right by a tenth and up by a twentieth: the flow looks back, and so it does a
    little beyond them, but not in the corners.
    """
    points = torch.rand(1, 1, 478, 2, generator=torch.Generator().manual_seed(0)) * 0.2 + 0.4
    moved = torch.tensor([0.1, -0.05]).expand_as(points)
    flow, confidence = dense_flow(points, moved, 64)
    assert flow.shape == (1, 1, 2, 64, 64) and confidence.shape == (1, 1, 1, 64, 64)
    expected = torch.tensor([-6.4, 3.2]).view(2, 1, 1)
    inside = flow[0, 0, :, 28:36, 28:36]
    torch.testing.assert_close(inside, expected.expand_as(inside), atol=0.2, rtol=0)
    hair = flow[0, 0, :, 22:24, 28:36]
    torch.testing.assert_close(hair, expected.expand_as(hair), atol=0.8, rtol=0)
    assert confidence[0, 0, 0, 28:36, 28:36].min() > 0.95
    assert confidence[0, 0, 0, :4, :4].max() < 0.01 and flow[0, 0, :, :4, :4].abs().max() < 0.1


def test_lips_part() -> None:
    """Two rows of points that went apart: above the flow looks down, below it looks up."""
    x = torch.linspace(0.4, 0.6, 40)
    rows = [torch.stack([x, torch.full_like(x, y)], -1) for y in (0.45, 0.55)]
    points = torch.cat(rows)[None, None]
    moved = torch.zeros_like(points)
    moved[..., :40, 1], moved[..., 40:, 1] = -0.03, 0.03
    flow, _ = dense_flow(points, moved, 64)
    assert flow[0, 0, 1, round(0.45 * 64), 32] > 1.5 and flow[0, 0, 1, round(0.55 * 64), 32] < -1.5
    assert flow[0, 0, 0].abs().max() < 1e-6


def test_lips_a_few_pixels_apart_part_too() -> None:
    """Rows of points five pixels of 256 apart, going apart: neither carries the other along."""
    x = torch.linspace(0.4, 0.6, 40)
    upper, lower = 0.49, 0.51
    points = torch.cat([torch.stack([x, torch.full_like(x, y)], -1) for y in (upper, lower)])[None, None]
    moved = torch.zeros_like(points)
    moved[..., :40, 1], moved[..., 40:, 1] = -0.02, 0.02
    flow, _ = dense_flow(points, moved, 128)
    column = flow[0, 0, 1, :, 64]
    assert column[round(upper * 128) - 1] > 0.7 * 0.02 * 128 and column[round(lower * 128)] < -0.7 * 0.02 * 128


def test_gradients_reach_the_movement() -> None:
    points, moved = torch.rand(1, 1, 5, 2), torch.zeros(1, 1, 5, 2, requires_grad=True)
    flow, _ = dense_flow(points, moved, 16)
    flow.sum().backward()
    assert moved.grad is not None and (moved.grad != 0).all()


def test_lids_of_an_eye_shut_though_much_around_them_stands_still() -> None:
    """An upper lid that comes down by four pixels of 256, between an iris and a brow that stay."""
    x = torch.linspace(0.45, 0.55, 9)
    rows = [torch.stack([x, torch.full_like(x, y)], -1) for y in (0.40, 0.42, 0.50, 0.53, 0.55)]
    points = torch.cat([*rows[:2], rows[2] + torch.tensor([0, 4 / 256]), *rows[3:]])[None, None]
    moved = torch.zeros_like(points)
    moved[..., 18:27, 1] = 4 / 256
    flow, _ = dense_flow(points, moved, 128)
    lid = flow[0, 0, 1, round((0.50 + 4 / 256) * 128) - 1, 64]
    assert lid < -0.6 * 4 / 256 * 128
    brow = flow[0, 0, 1, round(0.40 * 128), 64]
    assert abs(brow) < 0.3


def test_the_precision_of_a_surrounding_autocast_does_not_matter() -> None:
    points = torch.rand(1, 2, 50, 2, generator=torch.Generator().manual_seed(0))
    moved = 0.05 * torch.randn(1, 2, 50, 2, generator=torch.Generator().manual_seed(1))
    plain, _ = dense_flow(points, moved, 32)
    with torch.autocast("cpu", torch.bfloat16):
        half, _ = dense_flow(points, moved, 32)
    assert torch.equal(plain, half)


def ripple(points_between: int, monkeypatch: pytest.MonkeyPatch) -> float:
    """Largest second difference of the flow along a line just outside the contour of a face that turned."""
    monkeypatch.setattr(landmark_flow, "CONTOUR_POINTS", points_between)
    angles = 2 * torch.pi * torch.arange(36) / 36
    circle = torch.stack([angles.sin(), -angles.cos()], -1)
    points = 0.5 + 0.15 * (torch.rand(478, 2, generator=torch.Generator().manual_seed(0)) - 0.5)
    points[list(landmark_flow.CONTOUR)] = 0.5 + 0.3 * circle
    moved = torch.zeros(478, 2)
    moved[list(landmark_flow.CONTOUR), 0] = 0.08
    flow, _ = dense_flow(points[None, None], moved[None, None], 256)
    line = torch.linspace(-0.4, 0.4, 90) * torch.pi
    around = 0.315 * 2 * torch.stack([line.sin(), -line.cos()], -1)
    found = functional.grid_sample(flow[0], around[None, None], align_corners=False)[0, 0, 0]
    return float(found.diff(n=2).abs().max())


def test_the_outline_of_a_face_has_no_beads(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ripple(landmark_flow.CONTOUR_POINTS, monkeypatch) < 0.5 * ripple(0, monkeypatch)
    assert len({*landmark_flow.CONTOUR}) == 36
