"""Triangles of the face mesh: which one is over a pixel, and the flow that they give."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor

from bcdcodec.model import mesh_flow as module
from bcdcodec.model.landmark_flow import dense_flow
from bcdcodec.model.mesh_flow import MESH_LANDMARKS, mesh_flow, rasterize, triangles


@pytest.fixture
def face() -> Tensor:
    """A rough face [1, 478, 2] in pixels of a grid of 64: the triangles laid out in the plane as springs."""
    edges = np.concatenate([triangles()[:, [0, 1]], triangles()[:, [1, 2]], triangles()[:, [2, 0]]])
    adjacency = torch.zeros(MESH_LANDMARKS, MESH_LANDMARKS, dtype=torch.float64)
    adjacency[edges[:, 0], edges[:, 1]] = adjacency[edges[:, 1], edges[:, 0]] = 1
    laplacian = adjacency.sum(1).clamp(min=1).diag() - adjacency
    values, vectors = torch.linalg.eigh(laplacian)
    plane = vectors[:, (values > 1e-9).nonzero().flatten()[:2]]
    plane = plane / plane.abs().amax(0) * 24 + 32
    corners = plane[torch.from_numpy(triangles())]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    if (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]).median() < 0:  # mirrored
        plane[:, 0] = 64 - plane[:, 0]
    return plane.float()[None]


def test_the_triangles_are_of_the_mesh() -> None:
    mesh = triangles()
    assert mesh.shape[1] == 3 and 700 < len(mesh) < 1000
    assert mesh.min() >= 0 and mesh.max() < MESH_LANDMARKS
    assert all(len({*row}) == 3 for row in mesh.tolist()) and len({frozenset(row) for row in mesh.tolist()}) == len(
        mesh
    )
    inner_lips = {13, 14, 82, 87, 312, 317}
    assert not any({*row} <= inner_lips for row in mesh.tolist())  # the opening of the mouth is left out


def test_the_pixels_of_a_triangle_are_its_own() -> None:
    """A right triangle over the half of a square, and one behind it of which only the rest is seen."""
    positions = torch.tensor([[[2.0, 2.0], [10.0, 2.0], [2.0, 10.0], [10.0, 10.0]]])
    mesh = torch.tensor([[0, 1, 3], [0, 1, 2]])
    shown = rasterize(positions, mesh, torch.ones(1, 2, dtype=torch.bool), 16).view(16, 16)
    assert shown[3, 3] == 1 and shown[2, 8] == 1  # both lie there; the last of the list is in front
    assert shown[7, 8] == 0 and shown[9, 9] == 0
    assert (shown[:2] == -1).all() and (shown[10:] == -1).all() and (shown[:, 10:] == -1).all()
    hidden = rasterize(positions, mesh, torch.tensor([[True, False]]), 16).view(16, 16)
    assert hidden[3, 3] == 0
    backwards = rasterize(positions, mesh.flip(1), torch.ones(1, 2, dtype=torch.bool), 16)
    assert (backwards == -1).all()


def test_an_affine_motion_is_followed_exactly(face: Tensor) -> None:
    """A face that turns and grows; the mean of landmarks alone would lag."""
    matrix, shift = torch.tensor([[0.96, 0.12], [-0.12, 0.96]]), torch.tensor([1.5, -0.7])
    backward = (face - 32) @ matrix.T + 32 + shift - face
    flow, covered = mesh_flow(face, backward, 64)
    assert flow.shape == (1, 2, 64, 64) and covered.shape == (1, 1, 64, 64)
    assert 0.1 < float(covered.mean()) < 0.9
    y, x = torch.meshgrid(torch.arange(64) + 0.5, torch.arange(64) + 0.5, indexing="ij")
    at = torch.stack([x, y], -1)
    expected = ((at - 32) @ matrix.T + 32 + shift - at).permute(2, 0, 1)
    inside = covered[0, 0] > 0
    torch.testing.assert_close(flow[0][:, inside], expected[:, inside], atol=2e-3, rtol=0)
    assert not flow[0][:, ~inside].any()


def test_frames_do_not_depend_on_their_batch(face: Tensor) -> None:
    generator = torch.Generator().manual_seed(0)
    faces = face + torch.randn(3, *face.shape[1:], generator=generator)
    backward = torch.randn(3, *face.shape[1:], generator=generator)
    together = mesh_flow(faces, backward, 64)
    for row in range(3):
        alone = mesh_flow(faces[row : row + 1], backward[row : row + 1], 64)
        assert all(torch.equal(whole[row], part[0]) for whole, part in zip(together, alone, strict=True))


@pytest.mark.parametrize("scale", [0.0, 1e6])
def test_any_positions_are_taken(face: Tensor, scale: float) -> None:
    """Symbols of a stream may place landmarks anywhere: one point, or far outside the picture."""
    positions = ((face - 32) * scale + 32) / 64
    flow, confidence = dense_flow(positions[None], torch.zeros_like(positions)[None] + 1000, 64)
    assert flow.isfinite().all() and confidence.isfinite().all()


def test_training_may_follow_inference(face: Tensor) -> None:
    """Nothing that was cached in inference mode may be part of a gradient."""
    module.triangles.cache_clear()
    with torch.inference_mode():
        mesh_flow(face, torch.zeros_like(face), 64)
    moved = torch.zeros_like(face).requires_grad_()
    mesh_flow(face, moved, 64)[0].sum().backward()
    assert moved.grad is not None and moved.grad.isfinite().all() and moved.grad.any()


def test_the_first_call_does_not_import_a_compiler() -> None:
    """Two seconds before the first picture of every process."""
    text = """
import sys, torch
from bcdcodec.model.mesh_flow import rasterize
rasterize(torch.rand(1, 3, 2) * 8, torch.tensor([[0, 1, 2]]), torch.ones(1, 1, dtype=torch.bool), 8)
print("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", text], capture_output=True, text=True).stdout == "False\n"


def test_fake_tensors_have_its_shape() -> None:
    mesh = torch.from_numpy(triangles()).to("meta")
    shown = rasterize(torch.zeros(2, 478, 2, device="meta"), mesh, torch.ones(2, len(mesh), device="meta").bool(), 16)
    assert shown.shape == (2, 256) and shown.dtype == torch.long


def test_parts_of_the_pixels_give_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(3)
    positions, mesh = torch.rand(2, 30, 2, generator=generator) * 32, torch.randint(0, 30, (40, 3), generator=generator)
    drawn = torch.ones(2, 40, dtype=torch.bool)
    whole = rasterize(positions, mesh, drawn, 32)
    assert (whole >= 0).any()
    monkeypatch.setattr("bcdcodec.model.mesh_flow.PIXELS_AT_ONCE", 100)
    torch.testing.assert_close(rasterize(positions, mesh, drawn, 32), whole)
