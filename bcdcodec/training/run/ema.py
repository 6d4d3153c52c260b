"""The moving average of a model in training, which is what ships. In: two models of one shape. Out: one, moved."""

import torch
from torch import Tensor, nn

AVERAGE_DECAY = 0.999


@torch.no_grad()
def update_ema(average: nn.Module, model: nn.Module, step: int) -> None:
    """Exponential moving average with a short memory at first; buffers (running moments) are copied."""
    decay = min(AVERAGE_DECAY, (1 + step) / (10 + step))
    mine: list[Tensor] = list(average.parameters())
    theirs: list[Tensor] = list(model.parameters())
    torch._foreach_lerp_(mine, theirs, 1 - decay)
    for a, b in zip(average.buffers(), model.buffers(), strict=True):
        a.copy_(b)
