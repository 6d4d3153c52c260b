"""Preconditioning, loss weight and training noise levels of EDM (Karras et al., 2022, Table 1)."""

from dataclasses import dataclass

import torch
from torch import Tensor

#: Noise level at which context frames enter the denoiser: a decoder's context is its own, slightly wrong output.
CONTEXT_SIGMA = 0.05


@dataclass(frozen=True, slots=True)
class Scalings:
    """Factors of the preconditioned denoiser D(x) = skip * x + out * F(in_ * x, noise)."""

    skip: Tensor
    out: Tensor
    in_: Tensor
    noise: Tensor


def scalings(sigma: Tensor, sigma_data: float) -> Scalings:
    """c_skip, c_out, c_in and c_noise of the noise level sigma > 0, each of sigma's shape."""
    # Chosen so that input and target of F have unit variance at every noise level.
    total = (sigma**2 + sigma_data**2).sqrt()
    return Scalings(skip=sigma_data**2 / total**2, out=sigma * sigma_data / total, in_=1 / total, noise=sigma.log() / 4)


def loss_weight(sigma: Tensor, sigma_data: float) -> Tensor:
    """Weight lambda(sigma) of |D - x|^2, under which the error of F has weight 1: (s^2 + sd^2) / (s sd)^2."""
    return (sigma**2 + sigma_data**2) / (sigma * sigma_data) ** 2


def sample_sigma(shape: tuple[int, ...], *, mean: float, std: float, generator: torch.Generator) -> Tensor:
    """Training noise levels: ln sigma ~ N(mean, std^2), clipped to the sampler's range [0.002, 80]."""
    # A log-normal concentrates training on the levels between pure noise and almost clean latents.
    return torch.exp(torch.randn(shape, generator=generator) * std + mean).clamp(0.002, 80.0)
