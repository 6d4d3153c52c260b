"""What the denoiser is shown: rasters by hand, Jacobians of known flows, and the guides of a model."""

from pathlib import Path

import pytest
import torch

from bcdcodec.codec.model import CodecModel
from bcdcodec.model.content import Content
from bcdcodec.model.guides import EYES, FACE_PLANES, LIPS, RASTER_SCALE, area_changes, face_rasters
from bcdcodec.model.landmarks import ABSENT
from bcdcodec.video.landmarks import EYES as VIDEO_EYES
from bcdcodec.video.landmarks import MOUTH, POINTS

SIDE = 16


def points_at(x: float, y: float) -> torch.Tensor:
    """A mesh whose landmarks are all outside, but for one of each plane."""
    points = torch.full((1, POINTS, 2), ABSENT)
    for landmark in (LIPS[0], VIDEO_EYES[0], 10):
        points[0, landmark] = torch.tensor([x, y])
    return points


def test_lips_and_eyes_are_those_of_the_mesh() -> None:
    assert sorted(LIPS) == sorted(MOUTH)
    assert sorted(EYES) == sorted(VIDEO_EYES)


def test_a_point_in_the_middle_of_a_cell_is_that_cell() -> None:
    raster = face_rasters(points_at(5.5 / SIDE, 2.5 / SIDE), SIDE)
    assert raster.shape == (1, FACE_PLANES, SIDE, SIDE)
    assert raster[0, :, 2, 5].tolist() == pytest.approx([1, 1, 1])
    assert raster.sum((2, 3)).tolist()[0] == pytest.approx([1, 1, 1])


def test_a_point_between_cells_is_shared() -> None:
    raster = face_rasters(points_at(6 / SIDE, 2.5 / SIDE), SIDE)
    assert raster[0, 0, 2, 5:7].tolist() == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("far", [ABSENT, -3.0, 1.2, float("nan"), float("inf")])
def test_points_outside_are_left_out(far: float) -> None:
    assert not face_rasters(torch.full((2, POINTS, 2), far), SIDE).any()


def test_other_landmarks_have_no_raster() -> None:
    assert face_rasters(torch.rand(3, 5, 2), SIDE).shape == (3, FACE_PLANES, SIDE, SIDE)
    assert not face_rasters(torch.rand(3, 5, 2), SIDE).any()


def test_area_of_known_flows() -> None:
    line = torch.arange(SIDE, dtype=torch.float32)
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    still = torch.zeros(1, 2, SIDE, SIDE)
    assert not area_changes(still + 3).any()
    half = torch.stack([-0.5 * columns, 0 * rows])[None]  # two pixels of the frame from one of the still
    assert area_changes(half).unique().tolist() == pytest.approx([-0.5])
    both = torch.stack([0.2 * columns, 0.5 * rows])[None]
    assert area_changes(both).flatten().tolist() == pytest.approx([1.2 * 1.5 - 1] * SIDE**2, abs=1e-5)
    assert area_changes(torch.stack([-2 * columns, 0 * rows])[None]).unique().tolist() == [-1]  # folded, clipped


def test_guides_of_a_model(tiny_weights: Path) -> None:
    """Each frame has its own warp and raster, and the still of its own clip."""
    torch.manual_seed(0)
    model = CodecModel.load(tiny_weights, device="cpu")
    bcd, side = model.bcd, model.config.pixels
    pictures = torch.rand(2, 3, side, side) * 2 - 1
    assert model.vae is not None
    content = Content(model.vae.encode(pictures), pictures, torch.rand(2, POINTS, 2) * 0.5 + 0.25)
    motion = torch.randn(2, 3, model.config.quantizer.groups * model.config.quantizer.dims)
    guides = bcd.guides(content, motion)
    assert guides.rasters.shape == (6, 2 * FACE_PLANES, side // RASTER_SCALE, side // RASTER_SCALE)
    warped = bcd.warp_references(content, motion, None).pictures
    assert warped is not None
    torch.testing.assert_close(guides.warps, warped.flatten(0, 1))
    assert torch.equal(guides.stills[:3], pictures[:1].expand(3, -1, -1, -1))
    assert torch.equal(guides.rasters[3:, FACE_PLANES:], guides.rasters[3:4, FACE_PLANES:].expand(3, -1, -1, -1))
    assert not torch.equal(guides.rasters[0, :FACE_PLANES], guides.rasters[1, :FACE_PLANES])
    without = bcd.guides(Content(content.map, pictures, None), motion)
    assert not without.rasters.any()
