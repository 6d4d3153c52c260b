"""Preconditioning and sampler against closed forms."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from bcdcodec.config import SamplingConfig
from bcdcodec.errors import ConfigError
from bcdcodec.model.edm import CONTEXT_SIGMA, loss_weight, sample_sigma, scalings
from bcdcodec.model.noise import FrameNoise, stream_noise
from bcdcodec.model.sampler import heun_step, sample, sigma_steps

SAMPLING = SamplingConfig(steps=18, guidance=1.0)
NOISE_SEED_7 = [-0.570251, 1.946128, -0.864858, 0.584646, -0.136851, -0.392714]


def ideal(x: torch.Tensor, sigma: torch.Tensor | float) -> torch.Tensor:
    """The exact denoiser of unit normal data."""
    return x / (1 + sigma**2)


def test_schedule_of_edm() -> None:
    steps = sigma_steps(SAMPLING)
    assert len(steps) == 19
    assert steps[0] == pytest.approx(80) and steps[-2] == pytest.approx(0.002) and steps[-1] == 0
    assert steps[1] == pytest.approx(57.586, abs=1e-3)
    assert all(a > b for a, b in pairwise(steps))
    assert sigma_steps(replace(SAMPLING, steps=1)) == pytest.approx([80, 0])


def test_a_schedule_may_end_above_zero() -> None:
    part = SamplingConfig(steps=4, guidance=1.0, sigma_max=1.0, sigma_end=0.5, noise=0.0)
    steps = sigma_steps(part)
    assert len(steps) == 5 and steps[0] == pytest.approx(1) and steps[-1] == 0.5
    roots = [step ** (1 / part.rho) for step in steps]
    assert [b - a for a, b in pairwise(roots)] == pytest.approx([roots[1] - roots[0]] * 4)
    assert sigma_steps(replace(part, steps=1)) == [1.0, 0.5]


@pytest.mark.parametrize("steps", [1, 2, 8])
def test_without_noise_half_of_the_levels_is_half_of_the_way(steps: int) -> None:
    """From a mean to a target that does not depend on x the trajectory is straight, whatever the steps."""
    part = SamplingConfig(steps=steps, guidance=1.0, sigma_max=1.0, sigma_end=0.5, noise=0.0)
    start, target = torch.full((1, 2, 3, 4, 4), 2.0), torch.full((1, 2, 3, 4, 4), 6.0)
    out = sample(lambda x, sigma: target, torch.randn_like(start), part, start=start)
    torch.testing.assert_close(out, torch.full_like(start, 4.0))


@pytest.mark.parametrize(("end", "noise"), [(0.5, 1.0), (1.0, 0.0), (2.0, 0.0), (-0.1, 0.0)])
def test_an_end_needs_a_start_without_noise(end: float, noise: float) -> None:
    with pytest.raises(ConfigError, match="sigma_end"):
        SamplingConfig(steps=1, guidance=1.0, sigma_max=1.0, sigma_end=end, noise=noise)


def test_scalings_at_sigma_data() -> None:
    s = scalings(torch.tensor(0.5), 0.5)
    assert float(s.skip) == pytest.approx(0.5)
    assert float(s.out) == pytest.approx(0.5 / math.sqrt(2))
    assert float(s.in_) == pytest.approx(math.sqrt(2))
    assert float(s.noise) == pytest.approx(math.log(0.5) / 4)


@pytest.mark.parametrize("sigma", [0.002, 0.3, 5.0, 80.0])
def test_weight_makes_the_network_target_unit(sigma: float) -> None:
    s = scalings(torch.tensor(sigma), 0.7)
    assert float(loss_weight(torch.tensor(sigma), 0.7) * s.out**2) == pytest.approx(1, rel=1e-4)


def test_heun_is_second_order() -> None:
    """Halving the step quarters the error on a Gaussian, whose trajectory is sqrt(1 + sigma^2)."""

    def error(count: int) -> float:
        x, levels = torch.tensor([math.sqrt(1 + 4.0)], dtype=torch.float64), torch.linspace(2, 1, count + 1).tolist()
        for a, b in pairwise(levels):
            x = heun_step(ideal, x, a, b)
        return abs(float(x) - math.sqrt(2.0))

    assert 3.6 < error(8) / error(16) < 4.4


def test_sampler_reaches_the_data_distribution() -> None:
    noise = torch.randn(1, 4000, 1, 1, 1, generator=torch.Generator().manual_seed(0))
    out = sample(lambda x, sigma: ideal(x, sigma[..., None, None, None]), noise, SAMPLING)
    assert float(out.std()) == pytest.approx(1, abs=0.05)


def test_context_frames_stay_clean_and_first() -> None:
    context = torch.full((1, 2, 1, 2, 2), 7.0)
    seen = []

    def denoise(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        seen.append(sigma.clone())
        assert torch.equal(x[:, :2], context)
        return x[:, :2].mean(1, keepdim=True).expand_as(x)

    out = sample(denoise, torch.zeros(1, 3, 1, 2, 2), replace(SAMPLING, steps=3), context=context)
    assert out.shape == (1, 3, 1, 2, 2) and torch.allclose(out, torch.tensor(7.0))
    assert all((s[:, :2] == CONTEXT_SIGMA).all() and (s[:, 2:] == s[0, 2]).all() for s in seen)


def test_noise_is_frozen() -> None:
    """These numbers are part of the format: the same stream must decode with the same noise for ever."""
    found = stream_noise(7, (2, 3))
    expected = [NOISE_SEED_7[:3], NOISE_SEED_7[3:]]
    torch.testing.assert_close(found, torch.tensor(expected), rtol=0, atol=1e-6)


def test_noise_is_unit_normal_and_seeded() -> None:
    noise = stream_noise(1, (100_001,))
    assert abs(float(noise.mean())) < 0.02 and float(noise.std()) == pytest.approx(1, abs=0.02)
    assert not torch.equal(noise, stream_noise(2, (100_001,)))


def test_training_sigmas_follow_the_log_normal() -> None:
    sigma = sample_sigma((20_000,), mean=-1.2, std=1.2, generator=torch.Generator().manual_seed(0))
    assert float(sigma.log().mean()) == pytest.approx(-1.2, abs=0.05)
    assert float(sigma.min()) >= 0.002 and float(sigma.max()) <= 80


def test_frames_share_their_noise_or_have_one_each() -> None:
    one, each = (FrameNoise(7, (2, 1, 3), shared=shared, device=torch.device("cpu")) for shared in (True, False))
    assert torch.equal(one.frames(5, 2), stream_noise(7, (2, 1, 3)).expand(2, -1, -1, -1))
    window = each.frames(5, 2)
    assert torch.equal(window[1:], each.frames(6, 1)) and torch.equal(each.frames(0, 1)[0], one.frames(9, 1)[0])
    assert float((window[0] - window[1]).abs().min()) > 0
