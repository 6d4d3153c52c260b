"""The content token: the appearance of one shot, in the two forms that a stream can carry it in.

levels (the paper's models): content map c -> integer levels (entropy/content.py) -> c
picture (`face`):            a still (video/still.py) -> image autoencoder -> c; landmarks of its face beside it
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bcdcodec.config import ContentConfig


@dataclass(frozen=True, slots=True)
class Content:
    """Appearance of the shots of a batch, as encoder and decoder both have it.

    map: condition of the networks [B, C, H, W]; picture: reference for the warper [B, 3, P, P] in [-1, 1], or None;
    landmarks: of the face in the picture [B, L, 2], x then y, as fractions of the picture, NaN where it shows none;
    None for a model without landmarks.
    """

    #: Shape of the denoiser's latents.
    map: Tensor
    picture: Tensor | None
    landmarks: Tensor | None = None


def stack_contents(contents: Sequence[Content]) -> Content:
    """A batch of contents of one model, each without a batch dimension; copies."""
    columns = zip(*((one.map, one.picture, one.landmarks) for one in contents), strict=True)
    # Contents of one model have the same parts.
    return Content(*(None if column[0] is None else torch.stack(column) for column in columns))  # type: ignore[arg-type]


def quantize_content(c: Tensor, config: ContentConfig) -> Tensor:
    """Nearest level of the configured step, clipped to the alphabet. Returns int16 of c's shape."""
    return (c / config.step).round().clamp(-config.max_level, config.max_level).to(torch.int16)


def dequantize_content(levels: Tensor, config: ContentConfig) -> Tensor:
    """Inverse of `quantize_content` up to half a step."""
    return levels.float() * config.step


def straight_through(c: Tensor, config: ContentConfig) -> Tensor:
    """Quantised values forward, identity gradient backward (the straight-through estimator)."""
    # The difference is a constant for the gradient.
    return c + (dequantize_content(quantize_content(c, config), config) - c).detach()
