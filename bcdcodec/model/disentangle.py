"""The disentangle encoder: a clip's latents become content and motion. In: z. Out: c and m for quantizer.py and dit.py.

    z [B, T, C, H, W] -> one token a frame -.
    K queries, one per patch ---------------+-> T5 -> first K outputs -> c [B, K, C_c]
                                                  -> last T outputs  -> m [B, T, G*D]

With `seeded_queries` c is the clip's most central frame as it is: appearance then reaches the decoder at full
resolution, and people unlike those of training keep their faces. Each query sees its own patch of it, and m is the
motion since that frame. The paper's presets use learned queries alone, and c is what the T5 makes of them.
"""

import torch
from torch import Tensor, nn

from bcdcodec.config import DenoiserConfig, ModelConfig
from bcdcodec.model.t5 import T5Encoder
from bcdcodec.model.vae import ResidualBlock

#: Channels that each place of the stem's map hands to the frame token.
STEM_CHANNELS = 32


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


def frame_stem(denoiser: DenoiserConfig, channels: tuple[int, ...]) -> tuple[nn.Sequential, int]:
    """Convolutions over a latent frame, half the side a stage, and how many numbers come out: where lips and lids are
    is read off local features.
    """
    layers: list[nn.Module] = []
    before, side = denoiser.channels, denoiser.resolution
    for after in channels:
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.GroupNorm(8, after), nn.SiLU()]
        layers.append(ResidualBlock(after))
        before, side = after, side // 2
    layers.append(nn.Conv2d(before, STEM_CHANNELS, 1))
    return nn.Sequential(*layers), STEM_CHANNELS * side**2


class DisentangleEncoder(nn.Module):
    """T5 over [K queries | T frame tokens] (supplement A.1, Table A4)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        encoder, denoiser = config.encoder, config.denoiser
        self.patch, self.channels = denoiser.patch, denoiser.channels
        numbers = denoiser.channels * denoiser.resolution**2
        self.frame_stem = None
        if encoder.frame_stem:
            self.frame_stem, numbers = frame_stem(denoiser, encoder.frame_stem)
        self.frame_norm = nn.LayerNorm(numbers, elementwise_affine=False)
        self.frame_token = nn.Linear(numbers, encoder.width)
        self.queries = nn.Parameter(torch.randn(encoder.queries, encoder.width))
        patch_numbers = denoiser.channels * denoiser.patch**2
        self.query_seed = nn.Linear(patch_numbers, encoder.width, bias=False) if encoder.seeded_queries else None
        self.t5 = T5Encoder(encoder)
        self.content_head = None if encoder.seeded_queries else nn.Linear(encoder.width, encoder.content_channels)
        self.motion_head = nn.Linear(encoder.width, config.quantizer.groups * config.quantizer.dims, bias=False)
        nn.init.xavier_normal_(self.motion_head.weight)

    def content(self, z: Tensor) -> Tensor:
        """The content map [B, C, H, W] of some frames z [B, T, C, H, W] of each clip, T >= 1."""
        if self.content_head is None:
            return take_frame(z, central_frame(z))
        mixed = self._mix(self.queries.expand(len(z), -1, -1), z)
        k = self.queries.shape[0]
        return unpatchify(self.content_head(mixed[:, :k]), self.patch, self.channels)  # c: [B, K, C_c]

    def motion(self, z: Tensor, content: Tensor) -> Tensor:
        """m [B, T, G*D] of the frames z [B, T, C, H, W]."""
        m: Tensor = self.motion_head(self.states(z, content))
        return m

    def states(self, z: Tensor, content: Tensor) -> Tensor:
        """What the motion head sees of the frames z [B, T, C, H, W]: [B, T, width].

        With seeded queries the content map [B, C, H, W] goes through as a frame of its own and its state is
        subtracted: what a person looks like cancels, what has moved since the content stays.
        """
        k = self.queries.shape[0]
        queries = self.queries.expand(len(z), -1, -1)  # [B, K, width]
        if self.query_seed is None:
            return self._mix(queries, z)[:, k:]
        queries = queries + self.query_seed(patchify(content, self.patch))
        mixed = self._mix(queries, torch.cat([content[:, None], z], 1))[:, k:]  # [B, 1+T, width]
        return mixed[:, 1:] - mixed[:, :1]

    def tokens(self, frames: Tensor) -> Tensor:
        """One token a frame, before frames and queries are mixed. frames: [N, C, H, W]. Returns [N, width]."""
        if self.frame_stem is not None:
            frames = self.frame_stem(frames)
        token: Tensor = self.frame_token(self.frame_norm(frames.flatten(1)))
        return token

    def _mix(self, queries: Tensor, z: Tensor) -> Tensor:
        """The T5 over [K queries | T frame tokens]: [B, K+T, width]."""
        tokens = self.tokens(z.flatten(0, 1)).unflatten(0, z.shape[:2])  # [B, T, width]
        mixed: Tensor = self.t5(torch.cat([queries, tokens], 1))
        return mixed
