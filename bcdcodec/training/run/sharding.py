"""Data parallelism: the rows of a batch that a process computes, and reductions over all processes.

A loss that is a mean over rows is the mean of the processes' losses. Losses that are not (a ratio of sums, an entropy
of mean assignments, the moments of a batch) have their terms averaged over the processes first; every number and every
gradient then equals that of one process with the whole batch, up to rounding.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributed import broadcast
from torch.distributed.nn.functional import all_reduce  # differentiable

from bcdcodec.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ProcessShard:
    """Rows index, index + count, index + 2 count, ... of every batch are this process's."""

    index: int = 0
    count: int = 1

    def rows(self, values: Tensor) -> Tensor:
        """This process's rows of a batch [B, ...]."""
        return values[self.index :: self.count]

    def numbers(self, batch: int) -> range:
        """Indices of this process's rows in a batch of size `batch`."""
        return range(self.index, batch, self.count)

    @property
    def measuring(self) -> bool:
        """Whether only terms that are averaged over a batch are wanted, not its loss (training/run/accumulation.py)."""
        return False

    def check_even(self, batch: int, decoded: set[int], *, parts: int = 1) -> None:
        """ConfigError unless every process gets as many rows as the others, of the batch and of its decoded clips.

        parts: into which every process divides its rows, likewise.
        """
        sizes = {batch} | decoded
        uneven = sorted(size for size in sizes if size % (self.count * parts))
        if uneven:
            who = f"{self.count} processes" + ("" if parts == 1 else f" in {parts} parts each")
            raise ConfigError(
                f"{who} cannot share {uneven[0]} clips evenly; batches have {batch}, of which "
                f"{', '.join(map(str, sorted(sizes)))} are decoded"
            )

    def average(self, value: Tensor) -> Tensor:
        """Mean of a tensor over the processes; differentiable."""
        if self.count == 1:
            return value
        mean: Tensor = all_reduce(value.clone()) / self.count  # type: ignore[no-untyped-call]
        return mean

    def logged(self, value: Tensor) -> Tensor:
        """Mean over the processes of a number that is only reported."""
        return self.average(value.detach())

    def ratio(self, over: Tensor, under: Tensor, *, least: float = 0.0) -> Tensor:
        """This process's term of a ratio of sums over the whole batch; the mean of all processes' terms is the ratio.

        `under` has no gradient and is clamped to `least` from below.
        """
        return over / self.average(under.detach()).clamp(min=least / self.count)

    @torch.no_grad()
    def agrees(self, value: Tensor) -> bool:
        """Whether a scalar is equal in all processes; all get the same answer."""
        mean, square = self.average(value), self.average(value.square())
        return bool(square == mean.square())

    @torch.no_grad()
    def average_gradients(self, parameters: list[nn.Parameter]) -> None:
        """Average all gradients in one message; the same parameters have gradients in every process."""
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if self.count == 1 or not gradients:
            return
        flat = self.average(torch.cat([gradient.flatten() for gradient in gradients]))
        for gradient, mean in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    @torch.no_grad()
    def copy_from_first(self, *modules: nn.Module) -> None:
        """Broadcast parameters and buffers of process 0."""
        if self.count > 1:
            for module in modules:
                for value in module.state_dict().values():
                    broadcast(value, src=0)


#: The shard of a process that computes whole batches.
SINGLE_PROCESS = ProcessShard()
