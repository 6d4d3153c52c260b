"""The content token as integers. In: content map c from disentangle.py. Out: levels for entropy/content.py, and
back.
"""

import torch
from torch import Tensor

from bcdcodec.config import ContentConfig


def quantise_content(c: Tensor, config: ContentConfig) -> Tensor:
    """Nearest level of the configured step, clipped to the alphabet. Returns int16 of c's shape."""
    return (c / config.step).round().clamp(-config.max_level, config.max_level).to(torch.int16)


def dequantise_content(levels: Tensor, config: ContentConfig) -> Tensor:
    """Inverse of `quantise_content` up to half a step."""
    return levels.float() * config.step


def straight_through(c: Tensor, config: ContentConfig) -> Tensor:
    """What training sees: quantised values forward, identity gradient backward."""
    return c + (dequantise_content(quantise_content(c, config), config) - c).detach()
