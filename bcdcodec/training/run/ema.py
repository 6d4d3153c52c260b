"""Exponential moving average of the weights in training, which is what ships."""

import torch
from torch import Tensor, nn

AVERAGE_DECAY = 0.999


@torch.no_grad()
def update_ema(average: nn.Module, model: nn.Module, step: int, decay: float = AVERAGE_DECAY) -> None:
    """Move the average towards the model, with a shorter memory in the first updates; buffers are copied.

    decay: share of the average that an update leaves; 0: the average is the model.
    """
    decay = min(decay, (1 + step) / (10 + step))
    mine: list[Tensor] = list(average.parameters())
    theirs: list[Tensor] = list(model.parameters())
    torch._foreach_lerp_(mine, theirs, 1 - decay)
    for a, b in zip(average.buffers(), model.buffers(), strict=True):
        a.copy_(b)
