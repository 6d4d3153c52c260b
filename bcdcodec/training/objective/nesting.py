"""Nested dropout of codes (Rippel et al., 2014), so that the first ones are of use alone. In: a batch. Out: a mask."""

import torch
from torch import Tensor

from bcdcodec.config import ModelConfig


def group_mask(config: ModelConfig, rows: int, generator: torch.Generator) -> Tensor:
    """1 for the first groups of every clip, 0 for the others, [rows, 1, G*D]; how many is drawn for each alike."""
    allowed = torch.tensor(config.group_counts)
    counts = allowed[torch.randint(len(allowed), (rows, 1, 1), generator=generator)]
    group = torch.arange(config.quantizer.groups).repeat_interleave(config.quantizer.dims)  # [G*D]
    return (group < counts).float()
