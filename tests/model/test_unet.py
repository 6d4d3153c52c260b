"""The denoiser of pictures: its preconditioning by hand, Eq. 5 over groups, and what steers it."""

import math
from dataclasses import replace

import pytest
import torch

from bcdcodec.config import PictureDenoiserConfig
from bcdcodec.model.dit import ConditionSizes
from bcdcodec.model.guides import Guides
from bcdcodec.model.unet import FIRST_CHOICE, AdaptiveGroupNorm, PictureDenoiser

CONFIG = PictureDenoiserConfig(widths=(8, 16, 16), embedding=12, sigma_data=0.2)
MOTION, SIDE = 6, 32


def guides(frames: int = 2) -> Guides:
    generator = torch.Generator().manual_seed(1)
    draw = [(3, SIDE), (3, SIDE), (1, SIDE), (6, SIDE // 2)]
    planes = [torch.rand(frames, count, side, side, generator=generator) for count, side in draw]
    return Guides(*planes, torch.randn(frames, MOTION, generator=generator))


def trained() -> PictureDenoiser:
    """A network none of whose layers is zero."""
    torch.manual_seed(0)
    net = PictureDenoiser(CONFIG, MOTION)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return net.eval()


@pytest.mark.parametrize("sigma", [0.01, 0.2, 1.0])
def test_before_training_it_is_the_preconditioning_alone(sigma: float) -> None:
    """F is zero: what is left is c_skip of the noise, and the still's first share."""
    net, shown = PictureDenoiser(CONFIG, MOTION), guides()
    x = shown.warps + sigma
    skip = CONFIG.sigma_data**2 / (sigma**2 + CONFIG.sigma_data**2)
    out = sigma / math.sqrt(sigma**2 + CONFIG.sigma_data**2)
    share = out / (1 + math.exp(-FIRST_CHOICE))
    expected = shown.warps + skip * sigma + share * (shown.stills - shown.warps)
    with torch.no_grad():
        torch.testing.assert_close(net(x, torch.full((2,), sigma), shown), expected)


def test_adaptive_norm_is_equation_5() -> None:
    norm = AdaptiveGroupNorm(16, ConditionSizes(4, 4))
    with torch.no_grad():
        norm.from_noise.bias.copy_(torch.cat([torch.full((16,), 0.5), torch.full((16,), 3.0)]))
        norm.from_motion.bias.copy_(torch.cat([torch.full((16,), 1.0), torch.full((16,), -1.0)]))
    h = torch.randn(2, 16, 4, 4, generator=torch.Generator().manual_seed(0))
    groups = h.view(2, 2, 8 * 16)
    plain = (groups - groups.mean(-1, keepdim=True)) / (groups.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()
    expected = 2 * (1.5 * plain.view_as(h) + 3) - 1  # m_s (t_s Norm(h) + t_b) + m_b, noise inside
    torch.testing.assert_close(norm(h, torch.zeros(2, 4), torch.zeros(2, 4)), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["warps", "stills", "areas", "rasters", "motion"])
def test_every_guide_counts(name: str) -> None:
    net, shown = trained(), guides()
    x, sigma = shown.warps.clone(), torch.ones(2)
    values = {field: getattr(shown, field) for field in Guides.__slots__}
    changed = Guides(**{**values, name: values[name].flip(0)})
    with torch.no_grad():
        assert not torch.allclose(net(x, sigma, shown), net(x, sigma, changed), atol=1e-4)


def test_the_noise_level_counts_and_frames_are_apart() -> None:
    net, shown = trained(), guides()
    x = shown.warps
    with torch.no_grad():
        together = net(x, torch.tensor([1.0, 0.5]), shown)
        assert not torch.allclose(together, net(x, torch.tensor([0.3, 0.5]), shown), atol=1e-4)
        alone = net(x[1:], torch.tensor([0.5]), Guides(*(getattr(shown, field)[1:] for field in Guides.__slots__)))
    torch.testing.assert_close(together[1:], alone, rtol=1e-4, atol=1e-5)


def test_gradients_reach_every_weight() -> None:
    net, shown = trained(), guides()
    net(shown.warps + 0.1, torch.tensor([1.0, 0.5]), shown).square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in net.parameters())


def test_a_part_of_the_correction_is_painted() -> None:
    net, shown = trained(), guides()
    part = PictureDenoiser(replace(CONFIG, correction=0.25), MOTION)
    part.load_state_dict(net.state_dict())
    none = PictureDenoiser(replace(CONFIG, correction=0.0), MOTION)
    none.load_state_dict(net.state_dict())
    x, sigma = shown.warps, torch.ones(2)
    with torch.no_grad():
        whole, quarter, nothing = net(x, sigma, shown), part(x, sigma, shown), none(x, sigma, shown)
    torch.testing.assert_close(quarter - nothing, 0.25 * (whole - nothing), rtol=1e-4, atol=1e-5)
    assert (whole - nothing).abs().max() > 1e-3


def test_half_precision_gives_float32_of_nearly_the_same_pictures() -> None:
    net, shown = trained(), guides()
    with torch.no_grad():
        whole = net(shown.warps, torch.ones(2), shown)
        with torch.autocast("cpu", torch.bfloat16):
            half = net(shown.warps, torch.ones(2), shown)
    assert half.dtype == torch.float32
    assert 0 < (half - whole).abs().mean() < 0.02 * whole.std()
