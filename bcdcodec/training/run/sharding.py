"""This process's share of a batch, and what all shares say together. In: tensors of some rows. Out: those of the batch.

A loss that is a plain mean over rows is the mean of the workers' losses. What is not (a ratio of sums, an entropy of
mean assignments, the moments of a batch) has its parts averaged over the workers first; then every number and every
gradient is that of one process with the whole batch, but for rounding.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributed import broadcast
from torch.distributed.nn.functional import all_reduce  # has a gradient


@dataclass(frozen=True, slots=True)
class ProcessShard:
    """Rows index, index + count, index + 2 count, ... of every batch are this process's."""

    index: int = 0
    count: int = 1

    def rows(self, values: Tensor) -> Tensor:
        """Those rows of a batch [B, ...]."""
        return values[self.index :: self.count]

    def numbers(self, batch: int) -> range:
        """Which rows of a batch of so many those are."""
        return range(self.index, batch, self.count)

    def average(self, value: Tensor) -> Tensor:
        """The mean of a tensor over the workers, with its gradient."""
        if self.count == 1:
            return value
        mean: Tensor = all_reduce(value.clone()) / self.count  # type: ignore[no-untyped-call]
        return mean

    def ratio(self, over: Tensor, under: Tensor, *, least: float = 0.0) -> Tensor:
        """A part of the whole batch's sum of `over` by its sum of `under`: the mean of all workers' parts is the
        ratio. `under` has no gradient and counts for `least` at least.
        """
        return over / self.average(under.detach()).clamp(min=least / self.count)

    @torch.no_grad()
    def agrees(self, value: Tensor) -> bool:
        """Whether a number is the same in all workers; all get the same answer."""
        mean, square = self.average(value), self.average(value.square())
        return bool(square == mean.square())

    @torch.no_grad()
    def average_gradients(self, parameters: list[nn.Parameter]) -> None:
        """In one message; the parameters that have gradients are the same everywhere."""
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if self.count == 1 or not gradients:
            return
        flat = self.average(torch.cat([gradient.flatten() for gradient in gradients]))
        for gradient, mean in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    @torch.no_grad()
    def copy_from_first(self, *modules: nn.Module) -> None:
        """Parameters and buffers of the first worker go to all."""
        if self.count > 1:
            for module in modules:
                for value in module.state_dict().values():
                    broadcast(value, src=0)


#: One process has everything.
SINGLE_PROCESS = ProcessShard()
