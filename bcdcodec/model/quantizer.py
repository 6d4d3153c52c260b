"""Bitrate-controlled grouped vector quantiser. In: motion vectors m. Out: m_hat, code indices, the rate estimate.

    m [B, T, G*D] -> G groups of D -> squared distances to the E entries of each group's codebook
      -> training: one-hot sample of softmax(-alpha d / .) by Gumbel noise, gradient through the softmax at
      temperature tau
      -> inference: nearest entry

Distances and Gumbel-softmax as in TF-Codec (Jiang et al., arXiv 2207.08363), which the paper's group published; tables
A4 and A5 give the sizes and the temperatures.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bcdcodec.config import QuantizerConfig


@dataclass(frozen=True, slots=True)
class Quantized:
    """m normalised, m_hat [B, T, G*D]; codes int64 [B, T, G]; entropy_bits [G]: of the mean noise-free assignment."""

    m: Tensor
    m_hat: Tensor
    codes: Tensor
    entropy_bits: Tensor


def temperature(config: QuantizerConfig, update: int) -> float:
    """Gumbel-softmax temperature after `update` optimiser steps: max * decay^update, never below min."""
    return max(config.temperature_max * config.temperature_decay**update, config.temperature_min)


def rate_loss(entropy_bits: Tensor, target_bits: float) -> Tensor:
    """Mean over codebooks of (H - H_target)^2 in bits (main paper, L_VQ; two-sided, per codebook)."""
    return ((entropy_bits - target_bits) ** 2).mean()


def codebook_loss(quantizer: "GroupQuantizer", m: Tensor) -> Tensor:
    """Squared distance of m to its nearest entries: entries move to the vectors, and at a quarter the vectors to them
    (van den Oord et al., 2017). m: [B, T, G*D], normalised.
    """
    nearest = quantizer.lookup(quantizer.distances(m).argmin(-1))
    return (nearest - m.detach()).square().mean() + 0.25 * (nearest.detach() - m).square().mean()


class GroupQuantizer(nn.Module):
    """`groups` codebooks of `entries` vectors of `dims` numbers."""

    def __init__(self, config: QuantizerConfig) -> None:
        super().__init__()
        self.config = config
        total = config.groups * config.dims
        self.codebook = nn.Parameter(torch.empty(config.groups, config.entries, config.dims).uniform_(-1, 1))
        # Without it codebooks that start at random collapse, and the rate loss has no gradient to repair them; those
        # that are laid out over data (training/codebooks.py) have the right size from the start.
        self.standardise = None if config.input_std is None else nn.BatchNorm1d(total, affine=False, momentum=0.05)
        # Keeps the softmax equally soft whatever the size of a group (5 at 16 dimensions).
        self.sharpness = config.alpha * 16 / config.dims

    def normalise(self, m: Tensor) -> Tensor:
        """Zero mean and the configured spread per channel, moments of the batch in training. m: [B, T, G*D]."""
        if self.standardise is None or self.config.input_std is None:
            return m
        out: Tensor = self.standardise(m.flatten(0, 1)).view_as(m) * self.config.input_std
        return out

    def distances(self, m: Tensor) -> Tensor:
        """Squared distance of normalised m [B, T, G*D] to every entry: [B, T, G, E]."""
        groups = m.unflatten(-1, (self.config.groups, self.config.dims))  # [B, T, G, D]
        cross = torch.einsum("btgd,ged->btge", groups, self.codebook)
        return groups.square().sum(-1, keepdim=True) - 2 * cross + self.codebook.square().sum(-1)

    def lookup(self, codes: Tensor) -> Tensor:
        """Code vectors of indices. codes: int64 [B, T, G], each below `entries`. Returns m_hat [B, T, G*D]."""
        index = codes.permute(2, 0, 1).flatten(1)  # [G, B*T]
        rows = torch.gather(self.codebook, 1, index[..., None].expand(-1, -1, self.config.dims))  # [G, B*T, D]
        return rows.permute(1, 0, 2).reshape(*codes.shape[:2], -1)

    def forward(self, m: Tensor, *, tau: float = 1.0) -> Quantized:
        m = self.normalise(m)
        with torch.autocast(m.device.type, enabled=False):  # differences of large numbers
            logits = -self.sharpness * self.distances(m)  # [B, T, G, E]
        mean = logits.softmax(-1).mean((0, 1))  # [G, E]
        entropy = -(mean * torch.log2(mean + 1e-10)).sum(-1)  # [G]
        if not self.training:
            codes = logits.argmax(-1)
            return Quantized(m, self.lookup(codes), codes, entropy)
        chosen = F.gumbel_softmax(logits, tau=tau, hard=True)
        with torch.autocast(m.device.type, enabled=False):
            m_hat = torch.einsum("btge,ged->btgd", chosen, self.codebook).flatten(2)
        return Quantized(m, m_hat, chosen.argmax(-1), entropy)
