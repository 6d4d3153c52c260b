"""Sampling of the codes of a frame from logits.

The most probable code (A.2: "predicted logits with the largest probability"), or nucleus sampling at a temperature
(Holtzman et al., *The Curious Case of Neural Text Degeneration*, 2020).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bcdcodec.errors import ConfigError

MAX_TEMPERATURE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Picking:
    """Sampling parameters. ConfigError where one is outside its range.

    temperature: 0 takes the most probable code of each group, up to 10. top_p: probability mass of the nucleus, above
    0, up to 1.
    """

    temperature: float = 0.0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and 0 <= self.temperature <= MAX_TEMPERATURE):
            raise ConfigError(f"temperature is {self.temperature}, allowed are 0 to {MAX_TEMPERATURE:g}")
        if not 0 < self.top_p <= 1:
            raise ConfigError(f"top-p is {self.top_p}, allowed are values above 0, up to 1")


GREEDY = Picking()


def pick(logits: Tensor, picking: Picking, generator: torch.Generator) -> Tensor:
    """Sample codes int64 [B, G] from logits [B, G, E], groups independently.

    generator: on the CPU, where draws are made.
    """
    if picking.temperature == 0:
        return logits.argmax(-1)
    probable = (logits.float().cpu() / picking.temperature).softmax(-1)
    if picking.top_p < 1:
        ordered, indices = probable.sort(-1, descending=True)
        # A code stays where those before it have not reached top_p: the most probable one always does.
        before = ordered.cumsum(-1) - ordered
        probable = torch.zeros_like(probable).scatter(-1, indices, ordered * (before < picking.top_p))
    drawn = torch.multinomial(probable.flatten(0, 1), 1, generator=generator)  # [B * G, 1]
    return drawn.view(logits.shape[:-1]).to(logits.device)
