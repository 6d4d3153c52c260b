"""Lids that meet: eyes of a synthetic mesh, opened and shut."""

import pytest
import torch

from bcdcodec.model.lids import CORNERS, LOWER, SHUT, UPPER, shut_lids


def face(*apertures: float) -> torch.Tensor:
    """Landmarks [1, T, 478, 2] whose eyes, 0.1 wide and turned by a third, have these apertures; the rest at random."""
    points = torch.rand(1, len(apertures), 478, 2, generator=torch.Generator().manual_seed(0))
    for eye in range(2):
        across = torch.linspace(0, 0.1, len(UPPER[eye]) + 2)
        turn = torch.tensor([[0.8, 0.6], [-0.6, 0.8]])
        for frame, aperture in enumerate(apertures):
            for part, height in ((UPPER[eye], -0.05 * aperture), (LOWER[eye], 0.05 * aperture)):
                flat = torch.stack([across[1:-1], torch.full_like(across[1:-1], height)], -1)
                points[0, frame, list(part)] = flat @ turn + 0.3 + 0.2 * eye
            ends = torch.tensor([[0.0, 0.0], [0.1, 0.0]]) @ turn + 0.3 + 0.2 * eye
            points[0, frame, list(CORNERS[eye])] = ends
    return points


def apertures(points: torch.Tensor) -> list[float]:
    gaps = [
        (points[..., list(UPPER[eye]), :] - points[..., list(LOWER[eye]), :]).norm(dim=-1).mean(-1) for eye in (0, 1)
    ]
    return (torch.stack(gaps).mean(0) / 0.1).flatten().tolist()


def test_lids_of_a_nearly_shut_eye_meet_and_an_open_one_stays() -> None:
    before = face(0.3)[:, 0]
    shut, half, same, wide = apertures(shut_lids(face(SHUT, (0.3 + SHUT) / 2, 0.3, 0.4), before))
    assert shut == pytest.approx(0, abs=1e-6)
    assert half == pytest.approx(0.15, rel=1e-4)
    assert (same, wide) == (pytest.approx(0.3), pytest.approx(0.4))


def test_upper_lids_alone_move() -> None:
    now = face(0.1)
    moved = (shut_lids(now, face(0.3)[:, 0]) != now).any(-1)[0, 0]
    assert set(moved.nonzero().flatten().tolist()) == {*UPPER[0], *UPPER[1]}


@pytest.mark.parametrize("before", [0.0, 0.05, 0.1])
def test_a_reference_whose_eyes_are_shut_is_followed_as_it_is(before: float) -> None:
    now = face(0.02, 0.05, 0.3)
    assert torch.equal(shut_lids(now, face(before)[:, 0]), now)


def test_points_in_one_place_are_no_eye() -> None:
    nowhere = torch.full((1, 2, 478, 2), 10.0)
    assert torch.equal(shut_lids(nowhere, nowhere[:, 0]), nowhere)


def test_gradients_are_finite_where_lids_touch() -> None:
    now = face(0.0, 0.1).requires_grad_()
    shut_lids(now, face(0.3)[:, 0]).square().sum().backward()
    assert now.grad is not None and now.grad.isfinite().all()
