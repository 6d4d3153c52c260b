"""The disentangle encoder: a clip's latents become content and motion. In: z. Out: c and m for quantizer.py and dit.py.

    z [B, T, C, H, W] -> one token a frame -.
    K queries, one per patch ---------------+-> T5 -> first K outputs -> c [B, K, C_c]
                                                  -> last T outputs  -> m [B, T, G*D]

With `seeded_queries` each query also sees its own patch of the clip's most central frame and c is that patch plus a
learned correction: appearance then reaches the decoder at full resolution, and people unlike those of training keep
their faces. The paper's presets use learned queries alone.
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
    """The frame of each clip nearest to the clip's mean: sharp, and typical of the clip. [B, T, ...] -> [B, ...]."""
    spread = (z - z.mean(1, keepdim=True)).flatten(2).square().sum(-1)  # [B, T]
    return z[torch.arange(len(z), device=z.device), spread.argmin(1)]


class DisentangleEncoder(nn.Module):
    """T5 over [K queries | T frame tokens] (supplement A.1, Table A4)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        encoder, denoiser = config.encoder, config.denoiser
        self.patch, self.channels, self.seeded = denoiser.patch, denoiser.channels, encoder.seeded_queries
        numbers = denoiser.channels * denoiser.resolution**2
        self.frame_norm = nn.LayerNorm(numbers, elementwise_affine=False)
        self.frame_token = nn.Linear(numbers, encoder.width)
        self.queries = nn.Parameter(torch.randn(encoder.queries, encoder.width))
        patch_numbers = denoiser.channels * denoiser.patch**2
        self.query_seed = nn.Linear(patch_numbers, encoder.width, bias=False) if encoder.seeded_queries else None
        self.t5 = T5Encoder(encoder)
        self.content_head = nn.Linear(encoder.width, encoder.content_channels)
        self.motion_head = nn.Linear(encoder.width, config.quantizer.groups * config.quantizer.dims, bias=False)
        nn.init.xavier_normal_(self.motion_head.weight)
        if self.seeded:
            nn.init.zeros_(self.content_head.weight)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """z: [B, T, C, H, W] latents, T >= 1. Returns the content map [B, C, H, W] and m [B, T, G*D]."""
        tokens = self.frame_token(self.frame_norm(z.flatten(2)))  # [B, T, width]
        queries = self.queries.expand(len(z), -1, -1)  # [B, K, width]
        seed = patchify(central_frame(z), self.patch) if self.query_seed is not None else None
        if seed is not None and self.query_seed is not None:
            queries = queries + self.query_seed(seed)
        mixed = self.t5(torch.cat([queries, tokens], 1))  # [B, K+T, width]
        k = queries.shape[1]
        c = self.content_head(mixed[:, :k])  # [B, K, C_c]
        if seed is not None:
            c = seed + c
        return unpatchify(c, self.patch, self.channels), self.motion_head(mixed[:, k:])
