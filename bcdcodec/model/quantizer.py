"""Bitrate-controlled grouped vector quantiser with distance-Gumbel-softmax: motion vectors to codes and back.

    m [B, T, G*D] -> G groups of D -> squared distances to the E entries of each group's codebook
      -> training: one-hot sample of softmax(-alpha d / .) by Gumbel noise, gradient through the softmax at
      temperature tau
      -> inference: nearest entry

Distances and Gumbel-softmax as in TF-Codec (Jiang et al., arXiv 2207.08363), which the paper's group published; tables
A4 and A5 give the sizes and the temperatures.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bcdcodec.config import QuantizerConfig
from bcdcodec.model.device import full_precision


class Processes(Protocol):
    """Processes that share a batch, each with the same number of its rows (training/run/sharding.py)."""

    @property
    def count(self) -> int: ...

    def average(self, value: Tensor) -> Tensor:
        """The mean of a tensor over the processes, with its gradient."""
        ...


@dataclass(frozen=True, slots=True)
class Quantized:
    """A quantised batch. m (normalised) and m_hat: [B, T, G*D]; codes: int64 [B, T, G]; entropy_bits: [G], entropy of
    the mean noise-free assignment of each codebook (over `usage_batches` batches in training), or with `temporal_rate`
    of its changes where that is smaller.
    """

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


def change_entropy_bits(assignment: Tensor, processes: Processes | None = None) -> Tensor:
    """Entropy of the change of a code from frame to frame, over soft assignments [B, T, G, E], T > 1. Returns [G] bits.

    The distribution of the change is the correlation of the assignments of each two successive frames.
    """
    entries = assignment.shape[-1]
    joint = torch.einsum("btge,btgf->gef", assignment[:, :-1], assignment[:, 1:])
    joint = joint / (assignment.shape[0] * (assignment.shape[1] - 1))
    # Each row is shifted by its index, so that each change is a column: [G, E, 2 E - 1].
    changes = F.pad(joint.flip(1), (0, entries)).flatten(1)[:, :-entries].unflatten(1, (entries, -1)).sum(1)
    return _entropy_bits(changes if processes is None else processes.average(changes))


def _entropy_bits(share: Tensor) -> Tensor:
    return -(share * torch.log2(share + 1e-10)).sum(-1)


def codebook_loss(quantizer: "GroupQuantizer", m: Tensor) -> Tensor:
    """Codebook and commitment loss of VQ-VAE (van den Oord et al., 2017), the second at a weight of 0.25.

    m: normalised motion vectors [B, T, G*D].
    """
    nearest = quantizer.lookup(quantizer.distances(m).argmin(-1))
    return (nearest - m.detach()).square().mean() + 0.25 * (nearest.detach() - m).square().mean()


def gumbel_noise(shape: tuple[int, ...], generator: torch.Generator | None = None) -> Tensor:
    """Standard Gumbel noise, drawn on the CPU."""
    # On the CPU, so that a seed gives the same noise on every device; never 0, whose logarithm is infinite.
    uniform = torch.rand(shape, generator=generator).clamp(min=torch.finfo(torch.float32).tiny)
    return -(-uniform.log()).log()


class GroupQuantizer(nn.Module):
    """Grouped vector quantiser: `groups` codebooks of `entries` vectors of `dims` components."""

    usage: Tensor

    def __init__(self, config: QuantizerConfig) -> None:
        super().__init__()
        self.config = config
        total = config.groups * config.dims
        self.codebook = nn.Parameter(torch.empty(config.groups, config.entries, config.dims).uniform_(-1, 1))
        # Random codebooks collapse without it, and the rate loss has no gradient to repair them; codebooks that are
        # initialised from data (training/codebooks/pca_init.py) have the right scale from the start.
        self.standardize = None if config.input_std is None else nn.BatchNorm1d(total, affine=False, momentum=0.05)
        # Squared distances grow with the dimensions of a group; alpha is given for TF-Codec's 16.
        self.sharpness = config.alpha * 16 / config.dims
        if config.usage_batches > 1:  # mean assignment of the last batches [G, E]; zero before the first
            self.register_buffer("usage", torch.zeros(config.groups, config.entries))

    def normalize(self, m: Tensor, *, processes: Processes | None = None) -> Tensor:
        """m [B, T, G*D] with zero mean and the configured standard deviation per channel; in training by the batch's
        own moments.
        """
        if self.standardize is None or self.config.input_std is None:
            return m
        if self.training and processes is not None and processes.count > 1:
            return self._shared_moments(m, processes) * self.config.input_std
        normalized: Tensor = self.standardize(m.flatten(0, 1)).view_as(m) * self.config.input_std
        return normalized

    def _shared_moments(self, m: Tensor, processes: Processes) -> Tensor:
        """Batch norm of m by the moments of the whole batch that `processes` share; torch has it for GPUs alone."""
        layer = self.standardize
        assert layer is not None and layer.running_mean is not None and layer.running_var is not None
        assert layer.momentum is not None and layer.num_batches_tracked is not None
        mean = processes.average(m.mean((0, 1)))
        variance = processes.average((m - mean).square().mean((0, 1)))
        frames = m.shape[0] * m.shape[1] * processes.count
        layer.running_mean.lerp_(mean.detach(), layer.momentum)
        # Batch norm uses the biased variance in the batch and the unbiased one in evaluation.
        layer.running_var.lerp_(variance.detach() * frames / (frames - 1), layer.momentum)
        layer.num_batches_tracked += 1
        return (m - mean) / (variance + layer.eps).sqrt()

    def distances(self, m: Tensor) -> Tensor:
        """Squared distance of normalised m [B, T, G*D] to every entry: [B, T, G, E]."""
        # |m|^2 - 2 m.e + |e|^2: one matrix product instead of all differences, which are E times as large as m.
        groups = m.unflatten(-1, (self.config.groups, self.config.dims))  # [B, T, G, D]
        cross = torch.einsum("btgd,ged->btge", groups, self.codebook)
        return groups.square().sum(-1, keepdim=True) - 2 * cross + self.codebook.square().sum(-1)

    def lookup(self, codes: Tensor) -> Tensor:
        """Code vectors m_hat [B, T, G*D] of codes int64 [B, T, g], each below `entries`, of the first g groups.

        m_hat is zero in the remaining groups.
        """
        index = codes.permute(2, 0, 1).flatten(1)  # [g, B*T]
        table = self.codebook[: len(index)]
        rows = torch.gather(table, 1, index[..., None].expand(-1, -1, self.config.dims))  # [g, B*T, D]
        m_hat = rows.permute(1, 0, 2).reshape(*codes.shape[:2], -1)
        return F.pad(m_hat, (0, self.config.dims * (self.config.groups - len(index))))

    def _usage_entropy_bits(self, mean: Tensor) -> Tensor:
        """Entropy [G] of a batch's mean assignment [G, E]; in training of the running mean over `usage_batches`."""
        batches = self.config.usage_batches
        if batches == 1 or not self.training:
            return _entropy_bits(mean)
        past = torch.where(self.usage.any(), self.usage, mean.detach())
        usage = past.lerp(mean, 1 / batches)
        self.usage.copy_(usage.detach())
        entropy = _entropy_bits(usage)
        # A batch moves the running mean by its share alone; the gradient is as if it moved the whole.
        return entropy.detach() + batches * (entropy - entropy.detach())

    def forward(
        self, m: Tensor, *, tau: float = 1.0, noise: Tensor | None = None, processes: Processes | None = None
    ) -> Quantized:
        """Quantise motion vectors m [B, T, G*D]: nearest entries in evaluation, a Gumbel-softmax sample in training.

        The rest is for training: tau: temperature; noise: Gumbel noise [B, T, G, E], drawn if not given; processes:
        the ones that share the batch.
        """
        m = self.normalize(m, processes=processes)
        with full_precision(m.device):  # differences of large numbers
            logits = -self.sharpness * self.distances(m)  # [B, T, G, E]
        # Entropy of the average assignment of the batch: the estimate of the rate (L_VQ).
        assignment = logits.softmax(-1)
        mean = assignment.mean((0, 1))  # [G, E]
        mean = mean if processes is None else processes.average(mean)
        entropy = self._usage_entropy_bits(mean)  # [G]
        if self.config.temporal_rate and m.shape[1] > 1:
            entropy = torch.minimum(entropy, change_entropy_bits(assignment, processes))
        if not self.training:
            codes = logits.argmax(-1)
            return Quantized(m, self.lookup(codes), codes, entropy)
        noise = gumbel_noise(logits.shape).to(logits.device) if noise is None else noise
        soft = ((logits + noise) / tau).softmax(-1)
        codes = soft.argmax(-1)
        # Straight-through: a one-hot choice forward, the gradient of the softmax backward.
        chosen = F.one_hot(codes, self.config.entries) - soft.detach() + soft
        with full_precision(m.device):
            m_hat = torch.einsum("btge,ged->btgd", chosen, self.codebook).flatten(2)
        return Quantized(m, m_hat, codes, entropy)
