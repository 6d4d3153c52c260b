"""What a person looks like, as both ends have it. In: content map c from disentangle.py, or a coded picture.

levels (paper's models): c -> integer levels (entropy/content.py) -> c
picture (`face`):        a still (video/still.py) -> autoencoder -> c
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from bcdcodec.config import ContentConfig


@dataclass(frozen=True, slots=True)
class Content:
    """map: what the networks are shown [B, C, H, W]; picture: what an anchor moves [B, 3, P, P] in [-1, 1], or None."""

    map: Tensor
    picture: Tensor | None


def quantize_content(c: Tensor, config: ContentConfig) -> Tensor:
    """Nearest level of the configured step, clipped to the alphabet. Returns int16 of c's shape."""
    return (c / config.step).round().clamp(-config.max_level, config.max_level).to(torch.int16)


def dequantize_content(levels: Tensor, config: ContentConfig) -> Tensor:
    """Inverse of `quantise_content` up to half a step."""
    return levels.float() * config.step


def straight_through(c: Tensor, config: ContentConfig) -> Tensor:
    """What training sees: quantised values forward, identity gradient backward."""
    return c + (dequantize_content(quantize_content(c, config), config) - c).detach()
