"""Mending of stretched pixels, on a face that does not move between the references and the frames."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from bcdcodec.codec.model import CodecModel
from bcdcodec.model.content import Content, stack_contents
from bcdcodec.model.mending import mended
from bcdcodec.video.landmarks import POINTS

SIDE = 64
LEFT, RIGHT = (slice(28, 36), slice(18, 22)), (slice(28, 36), slice(42, 46))


@pytest.fixture
def face() -> Tensor:
    """Landmarks [L, 2], a grid in the middle of the picture."""
    line = torch.linspace(0.2, 0.8, 20)
    return torch.cartesian_prod(line, line)


def plain(color: float, landmarks: Tensor | None) -> Content:
    """Content of one colour."""
    return Content(torch.zeros(4, SIDE // 8, SIDE // 8), torch.full((3, SIDE, SIDE), color), landmarks)


def stretched() -> tuple[Tensor, Tensor]:
    """Black warps of two frames, the left half of the first stretched to a twentieth."""
    areas = torch.zeros(2, 1, SIDE, SIDE)
    areas[0, :, :, : SIDE // 2] = -0.95
    return torch.full((2, 3, SIDE, SIDE), -1.0), areas


def test_stretched_pixels_come_from_the_other_reference(face: Tensor) -> None:
    warps, areas = stretched()
    found, changed = mended(warps, areas, face.expand(2, -1, -1), [plain(1.0, face)])
    assert found[0][:, *LEFT].min() > 0.9
    assert changed[0][:, *LEFT].min() > -0.1
    torch.testing.assert_close(found[0][:, *RIGHT], warps[0][:, *RIGHT])
    assert torch.equal(found[1], warps[1])
    assert torch.equal(found[0, :, :, 0], warps[0, :, :, 0]), "away from the face nothing is known of the other"


def test_of_several_the_nearest_face_counts(face: Tensor) -> None:
    warps, areas = stretched()
    others = [plain(0.0, face + 0.1), plain(1.0, face + 0.01), plain(0.5, face - 0.1)]
    found, _ = mended(warps, areas, face.expand(2, -1, -1), others)
    assert found[0][:, *LEFT].min() > 0.9


def test_one_that_shows_less_changes_nothing(face: Tensor) -> None:
    """Its face is 0.6 times as large, which has fewer pixels than half of the areas of the named one."""
    warps, areas = stretched()
    small = plain(1.0, (face - 0.5) * 0.6 + 0.5)
    found, _ = mended(warps, 10 / 19 * areas, face.expand(2, -1, -1), [small])
    torch.testing.assert_close(found[0][:, *LEFT], warps[0][:, *LEFT])
    assert mended(warps, areas, face.expand(2, -1, -1), [small])[0][0][:, *LEFT].min() > 0.9


@pytest.mark.parametrize("landmarks", [None, torch.full((400, 2), torch.nan), torch.zeros(0, 2)])
def test_without_a_face_nothing_changes(face: Tensor, landmarks: Tensor | None) -> None:
    warps, areas = stretched()
    found = mended(warps, areas, face.expand(2, -1, -1), [plain(1.0, landmarks)])
    assert torch.equal(found[0], warps)
    assert torch.equal(found[1], areas)


def test_clips_of_a_batch_are_mended_as_alone(tiny_weights: Path) -> None:
    torch.manual_seed(0)
    model = CodecModel.load(tiny_weights, device="cpu")
    side, dims = model.config.pixels, model.config.quantizer.groups * model.config.quantizer.dims
    assert model.vae is not None
    pictures, faces = torch.rand(3, 3, side, side) * 2 - 1, torch.rand(3, POINTS, 2) * 0.5 + 0.25
    one, two, three = (
        Content(model.vae.encode(picture[None])[0], picture, face)
        for picture, face in zip(pictures, faces, strict=True)
    )
    motion = 5 * torch.randn(2, 3, dims)
    both = model.bcd.guides(stack_contents([one, two]), motion, [[two, three], []])
    first = model.bcd.guides(stack_contents([one]), motion[:1], [[two, three]])
    second = model.bcd.guides(stack_contents([two]), motion[1:])
    torch.testing.assert_close(both.warps, torch.cat([first.warps, second.warps]), atol=1e-3, rtol=0)
    torch.testing.assert_close(both.areas, torch.cat([first.areas, second.areas]), atol=1e-3, rtol=0)
    assert not torch.equal(first.warps, model.bcd.guides(stack_contents([one]), motion[:1]).warps)
    nameless = Content(one.map, one.picture, torch.full_like(faces[0], torch.nan))
    alone = model.bcd.guides(stack_contents([nameless]), motion[:1])
    assert torch.equal(model.bcd.guides(stack_contents([nameless]), motion[:1], [[two]]).warps, alone.warps)
