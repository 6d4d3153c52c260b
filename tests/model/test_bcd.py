"""The whole model: classifier-free guidance and preconditioning by hand, and what a dropped condition hides."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from bcdcodec.config import ModelConfig, SamplingConfig
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.content import Content

FRAMES = 3


@pytest.fixture(scope="module")
def paper_model(tiny_config: ModelConfig) -> Bcd:
    """Without a warper, none of its layers zero."""
    denoiser = replace(tiny_config.denoiser, warp_blocks=0, landmarks=0)
    torch.manual_seed(0)
    model = Bcd(replace(tiny_config, denoiser=denoiser))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return model.eval()


@pytest.fixture
def constant_denoiser(paper_model: Bcd, monkeypatch: pytest.MonkeyPatch) -> list[list[bool]]:
    """Denoised latents are 3 with conditions and 1 without; the masks of all calls."""
    masks = list[list[bool]]()

    def denoise(x: Tensor, *arguments: Tensor, condition_mask: Tensor, **options: Tensor) -> Tensor:
        masks.append(condition_mask.tolist())
        return torch.where(condition_mask.view(-1, 1, 1, 1, 1), 3.0, 1.0).expand_as(x)

    monkeypatch.setattr(paper_model, "denoise", denoise)
    return masks


def synthesized(model: Bcd, guidance: float, steps: int = 1) -> Tensor:
    content = Content(torch.zeros(2, 4, 32, 32), None)
    noise = torch.randn(2, FRAMES, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    m_hat = torch.zeros(2, FRAMES, model.quantizer.codebook[..., 0, :].numel())
    return model.synthesize(content, m_hat, noise, SamplingConfig(steps=steps, guidance=guidance), vae=None).latents


@pytest.mark.parametrize(("guidance", "expected"), [(1.5, 4.0), (0.0, 1.0), (3.0, 7.0)])
@pytest.mark.parametrize("steps", [1, 4])
def test_guidance_goes_beyond_the_conditional_output(
    paper_model: Bcd, constant_denoiser: list[list[bool]], guidance: float, expected: float, steps: int
) -> None:
    """D = D_free + w (D_cond - D_free): with 3 and 1, that is 1 + 2 w."""
    torch.testing.assert_close(
        synthesized(paper_model, guidance, steps), torch.full((2, FRAMES, 4, 32, 32), expected), rtol=0, atol=1e-4
    )
    assert [True, True] in constant_denoiser and [False, False] in constant_denoiser


def test_guidance_1_takes_half_of_the_calls(paper_model: Bcd, constant_denoiser: list[list[bool]]) -> None:
    expected = torch.full((2, FRAMES, 4, 32, 32), 3.0)
    torch.testing.assert_close(synthesized(paper_model, 1.0), expected, rtol=0, atol=1e-4)
    assert constant_denoiser == [[True, True]]


def denoised(model: Bcd, **changed: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    dims, shape = model.config.quantizer.groups * model.config.quantizer.dims, (2, FRAMES, 4, 32, 32)
    given = {
        "x": torch.randn(shape, generator=generator),
        "sigma": torch.full((2, FRAMES), 0.7),
        "content": torch.randn((2, 4, 32, 32), generator=generator),
        "m_hat": torch.randn((2, FRAMES, dims), generator=generator),
        "reference": torch.zeros(shape),
        "condition_mask": torch.tensor([True, False]),
    }
    with torch.no_grad():
        return model.denoise(**{**given, **changed})


def test_a_dropped_clip_depends_on_none_of_its_conditions(paper_model: Bcd) -> None:
    before = denoised(paper_model)
    for name in ("content", "m_hat"):
        shape = (2, 4, 32, 32) if name == "content" else (2, FRAMES, paper_model.config.quantizer.groups * 4)
        other = denoised(paper_model, **{name: torch.full(shape, 0.3)})
        torch.testing.assert_close(other[1], before[1], rtol=0, atol=1e-6)
        assert not torch.allclose(other[0], before[0], atol=1e-4)


def test_a_dropped_reference_is_zero(paper_model: Bcd) -> None:
    """The mean of diffusion is made of content and motion."""
    reference = torch.full((2, FRAMES, 4, 32, 32), 0.5)
    before, moved = denoised(paper_model), denoised(paper_model, reference=reference)
    torch.testing.assert_close(moved[1], before[1])
    assert not torch.allclose(moved[0], before[0], atol=1e-3)


def test_the_preconditioning_by_hand(paper_model: Bcd, monkeypatch: pytest.MonkeyPatch) -> None:
    """D = skip x + out F(in x, ln(sigma) / 4), with a network that returns what it is given."""
    levels = list[Tensor]()

    def network(x: Tensor, c_noise: Tensor, *arguments: Tensor, **options: Callable[..., Tensor]) -> Tensor:
        levels.append(c_noise)
        return x

    assert paper_model.dit is not None
    monkeypatch.setattr(paper_model.dit, "forward", network)
    x, data = torch.ones(2, FRAMES, 4, 32, 32), paper_model.config.denoiser.sigma_data
    total = math.hypot(0.7, data)
    skip, out, scale = data**2 / total**2, 0.7 * data / total, 1 / total
    torch.testing.assert_close(denoised(paper_model, x=x), x * (skip + out * scale))
    torch.testing.assert_close(levels[0], torch.full((2, FRAMES), math.log(0.7) / 4))
