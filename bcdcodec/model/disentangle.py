"""The disentangle encoder: a clip's latents become content and motion. In: z. Out: c and m for quantizer.py and dit.py.

    z [B, T, C, H, W] -> one token a frame -.
    K queries, one per patch ---------------+-> T5 -> first K outputs -> c [B, K, C_c]
                                                  -> last T outputs  -> m [B, T, G*D]

With `seeded_queries` each query also sees its own patch of the clip's most central frame, and c is those patches as
they are: appearance then reaches the decoder at full resolution, and people unlike those of training keep their
faces. The paper's presets use learned queries alone, and c is what the T5 makes of them.
"""

import torch
from torch import Tensor, nn

from bcdcodec.config import ModelConfig
from bcdcodec.model.t5 import T5Encoder


def patchify(z: Tensor, patch: int) -> Tensor:
    """[..., C, H, W] -> [..., (H/p)*(W/p), C*p*p], patches in raster order."""
    *lead, c, h, w = z.shape
    grid = z.reshape(-1, c, h // patch, patch, w // patch, patch).permute(0, 2, 4, 1, 3, 5)  # [N, H/p, W/p, C, p, p]
    return grid.reshape(*lead, h * w // patch**2, c * patch**2)


def unpatchify(tokens: Tensor, patch: int, channels: int) -> Tensor:
    """Inverse of `patchify` for square pictures."""
    *lead, n, _ = tokens.shape
    side = round(n**0.5)
    grid = tokens.reshape(-1, side, side, channels, patch, patch).permute(0, 3, 1, 4, 2, 5)  # [N, C, H/p, p, W/p, p]
    return grid.reshape(*lead, channels, side * patch, side * patch)


def central_frame(z: Tensor) -> Tensor:
    """Which frame of each clip is nearest to the clip's mean: sharp, and typical of the clip. [B, T, ...] -> [B]."""
    return (z - z.mean(1, keepdim=True)).flatten(2).square().sum(-1).argmin(1)


def take_frame(frames: Tensor, index: Tensor) -> Tensor:
    """One frame of each clip. frames: [B, T, ...]; index: [B]. Returns [B, ...]."""
    return frames[torch.arange(len(frames), device=frames.device), index]


class DisentangleEncoder(nn.Module):
    """T5 over [K queries | T frame tokens] (supplement A.1, Table A4)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        encoder, denoiser = config.encoder, config.denoiser
        self.patch, self.channels = denoiser.patch, denoiser.channels
        numbers = denoiser.channels * denoiser.resolution**2
        self.frame_norm = nn.LayerNorm(numbers, elementwise_affine=False)
        self.frame_token = nn.Linear(numbers, encoder.width)
        self.queries = nn.Parameter(torch.randn(encoder.queries, encoder.width))
        patch_numbers = denoiser.channels * denoiser.patch**2
        self.query_seed = nn.Linear(patch_numbers, encoder.width, bias=False) if encoder.seeded_queries else None
        self.t5 = T5Encoder(encoder)
        self.content_head = None if encoder.seeded_queries else nn.Linear(encoder.width, encoder.content_channels)
        self.motion_head = nn.Linear(encoder.width, config.quantizer.groups * config.quantizer.dims, bias=False)
        nn.init.xavier_normal_(self.motion_head.weight)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """z: [B, T, C, H, W] latents, T >= 1. Returns the content map [B, C, H, W] and m [B, T, G*D]."""
        tokens = self.frame_token(self.frame_norm(z.flatten(2)))  # [B, T, width]
        queries = self.queries.expand(len(z), -1, -1)  # [B, K, width]
        seed = take_frame(z, central_frame(z))  # [B, C, H, W]
        if self.query_seed is not None:
            queries = queries + self.query_seed(patchify(seed, self.patch))
        k = queries.shape[1]
        mixed = self.t5(torch.cat([queries, tokens], 1))  # [B, K+T, width]
        content = seed
        if self.content_head is not None:
            content = unpatchify(self.content_head(mixed[:, :k]), self.patch, self.channels)  # c: [B, K, C_c]
        return content, self.motion_head(mixed[:, k:])
