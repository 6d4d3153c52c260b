"""EDM preconditioning (Karras et al., 2022, Table 1) as pure functions. In: sigma. Out: scalings for bcd.py and
training.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

#: Noise level that context frames are declared to carry: a decoder's context is its own output, a little off the truth.
CONTEXT_SIGMA = 0.05


@dataclass(frozen=True, slots=True)
class Scalings:
    """D(x) = skip * x + out * F(in_ * x, noise)."""

    skip: Tensor
    out: Tensor
    in_: Tensor
    noise: Tensor


def scalings(sigma: Tensor, sigma_data: float) -> Scalings:
    """The four functions of the noise level, each of sigma's shape. sigma > 0."""
    total = (sigma**2 + sigma_data**2).sqrt()
    return Scalings(skip=sigma_data**2 / total**2, out=sigma * sigma_data / total, in_=1 / total, noise=sigma.log() / 4)


def loss_weight(sigma: Tensor, sigma_data: float) -> Tensor:
    """Weight of |D - x|^2 that makes the effective target of F unit variance: (s^2 + sd^2) / (s sd)^2."""
    return (sigma**2 + sigma_data**2) / (sigma * sigma_data) ** 2


def sample_sigma(shape: tuple[int, ...], *, mean: float, std: float, generator: torch.Generator) -> Tensor:
    """Training noise levels: ln sigma ~ N(mean, std^2), kept within the sampler's range [0.002, 80]."""
    return torch.exp(torch.randn(shape, generator=generator) * std + mean).clamp(0.002, 80.0)
