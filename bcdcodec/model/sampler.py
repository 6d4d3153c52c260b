"""Deterministic EDM sampler with clean context frames.

Algorithm 1 of Karras et al. (2022): Heun steps over the sigma schedule of their Eq. 5, the last one Euler. Sampling may
end above noise level 0: what starts at a mean without noise has then gone a part of the way from it.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from bcdcodec.config import SamplingConfig
from bcdcodec.model.edm import CONTEXT_SIGMA

#: (x [B, T, C, H, W], sigma [B, T]) -> D(x; sigma), with conditions and guidance already applied.
Denoiser = Callable[[Tensor, Tensor], Tensor]


def sigma_steps(config: SamplingConfig) -> list[float]:
    """The steps + 1 noise levels of Eq. 5: (max^(1/rho) + i/(N-1) (min^(1/rho) - max^(1/rho)))^rho, then 0.

    With `sigma_end` that is the last of them, and takes the place of min; i/N then.
    """
    last = config.sigma_end or config.sigma_min
    top, bottom = config.sigma_max ** (1 / config.rho), last ** (1 / config.rho)
    span = config.steps if config.sigma_end else max(config.steps - 1, 1)  # one step: no division by zero
    return [(top + i / span * (bottom - top)) ** config.rho for i in range(config.steps)] + [config.sigma_end]


def heun_step(
    denoise: Callable[[Tensor, float], Tensor], x: Tensor, sigma: float, sigma_next: float, *, last: bool = False
) -> Tensor:
    """One second-order step from sigma to sigma_next. last: an Euler step, which ends on the denoised x at 0."""
    slope = (x - denoise(x, sigma)) / sigma
    x_next = x + (sigma_next - sigma) * slope  # Euler
    if last:
        return x_next
    # Heun: repeat the step with the mean of the slopes at both ends.
    slope_next = (x_next - denoise(x_next, sigma_next)) / sigma_next
    return x + (sigma_next - sigma) * (slope + slope_next) / 2


def sample(
    denoise: Denoiser,
    noise: Tensor,
    config: SamplingConfig,
    *,
    start: Tensor | None = None,
    context: Tensor | None = None,
) -> Tensor:
    """Denoise the frames of one window.

    noise: unit normal [B, T, C, H, W], of which `config.noise` is taken; start: mean at the highest noise level, zero
    if None; context: clean latents [B, Tc, C, H, W] of the frames just before, which enter at CONTEXT_SIGMA in every
    step. Returns [B, T, C, H, W] without the context.
    """
    context_frames = 0 if context is None else context.shape[1]

    def with_context(x: Tensor, sigma: float) -> Tensor:
        level = torch.full(x.shape[:2], sigma, dtype=x.dtype, device=x.device)
        if context is None:
            return denoise(x, level)
        # Context frames are inputs, not unknowns: their part of the output is discarded.
        clean = torch.full(context.shape[:2], CONTEXT_SIGMA, dtype=x.dtype, device=x.device)
        return denoise(torch.cat([context, x], 1), torch.cat([clean, level], 1))[:, context_frames:]

    sigmas = sigma_steps(config)
    x = noise * (config.noise * sigmas[0])
    x = x if start is None else start + x
    for sigma, sigma_next in pairwise(sigmas):
        x = heun_step(with_context, x, sigma, sigma_next, last=sigma_next == sigmas[-1])
    return x
