"""The disentangle encoder: a T5 that separates a clip's latents into content and motion (supplement A.1).

    z [B, T, C, H, W] -> one token a frame -.
    K queries, one per patch ---------------+-> T5 -> first K outputs -> c [B, K, C_c]
                                                  -> last T outputs  -> m [B, T, G*D]
    landmark displacements of each frame -> added to its token, and linearly to m (`face`)

A mesh network that was trained on millions of faces reads unseen people better than an encoder that was trained on a
hundred, so `face` takes its landmarks. What they do not say, and all of it where no face is found, comes from latents.

With `seeded_queries` c is the clip's most central frame itself: appearance then reaches the decoder at full resolution,
and people unlike those of the training set keep their faces. Each query is seeded with its own patch of that frame, and
m is the motion since it. The paper's presets use learned queries alone, whose T5 outputs become c.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bcdcodec.config import DenoiserConfig, ModelConfig
from bcdcodec.model.t5 import T5Encoder
from bcdcodec.model.vae import ResidualBlock

#: Channels of the stem's last feature map, which is flattened to the frame token.
STEM_CHANNELS = 32


def patchify(z: Tensor, patch: int) -> Tensor:
    """[..., C, H, W] -> [..., (H/p)*(W/p), C*p*p], patches in raster order."""
    *lead, c, h, w = z.shape
    grid = z.reshape(-1, c, h // patch, patch, w // patch, patch).permute(0, 2, 4, 1, 3, 5)  # [N, H/p, W/p, C, p, p]
    return grid.reshape(*lead, h * w // patch**2, c * patch**2)


def unpatchify(tokens: Tensor, patch: int, channels: int) -> Tensor:
    """Inverse of `patchify` for square pictures."""
    *lead, n, _ = tokens.shape
    side = math.isqrt(int(n))
    grid = tokens.reshape(-1, side, side, channels, patch, patch).permute(0, 3, 1, 4, 2, 5)  # [N, C, H/p, p, W/p, p]
    return grid.reshape(*lead, channels, side * patch, side * patch)


def central_frame(z: Tensor) -> Tensor:
    """Index of the frame nearest to the clip's mean: a real frame, hence sharp, and typical. [B, T, ...] -> [B]."""
    # The mean itself would be blurred by motion.
    return (z - z.mean(1, keepdim=True)).flatten(2).square().sum(-1).argmin(1)


def take_frame(frames: Tensor, index: Tensor) -> Tensor:
    """One frame of each clip. frames: [B, T, ...]; index: [B]. Returns [B, ...]."""
    return frames[torch.arange(len(frames), device=frames.device), index]


def frame_stem(denoiser: DenoiserConfig, channels: tuple[int, ...]) -> tuple[nn.Sequential, int]:
    """Convolutions over a latent frame that halve its side per stage, and the size of their flattened output.

    Positions of lips and eyelids are local features, which a flat projection of the frame finds hard to learn.
    """
    layers: list[nn.Module] = []
    width, side = denoiser.channels, denoiser.resolution
    for next_width in channels:
        layers += [nn.Conv2d(width, next_width, 3, stride=2, padding=1), nn.GroupNorm(8, next_width), nn.SiLU()]
        layers.append(ResidualBlock(next_width))
        width, side = next_width, side // 2
    layers.append(nn.Conv2d(width, STEM_CHANNELS, 1))
    return nn.Sequential(*layers), STEM_CHANNELS * side**2


class LandmarkMotion(nn.Module):
    """Landmarks as an input of the encoder: a part of each frame's token, and a linear part of its motion vector."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        numbers, width = 2 * config.denoiser.landmarks, config.encoder.width
        self.token = nn.Linear(numbers, width, bias=False)
        #: Token of a frame without a face.
        self.absent = nn.Parameter(torch.zeros(width))
        #: Displacements in percent of the face from the state of a frame, for frames without a face.
        self.estimate = nn.Linear(width, numbers, bias=False)
        self.transform = nn.Linear(numbers, config.quantizer.groups * config.quantizer.dims, bias=False)
        nn.init.zeros_(self.token.weight)

    def tokens(self, displacements: Tensor) -> Tensor:
        """[B, T, L, 2], NaN where no face was found -> [B, T, width]."""
        known = displacements.isfinite().all(-1).all(-1)[..., None]
        return torch.where(known, self.token(displacements.nan_to_num().flatten(2)), self.absent)

    def estimates(self, states: Tensor) -> Tensor:
        """Displacements [B, T, L, 2] from the states of frames [B, T, width], without landmarks."""
        return (self.estimate(states) / 100).unflatten(-1, (-1, 2))

    def motion(self, states: Tensor, displacements: Tensor) -> Tensor:
        """Their part of the motion vectors [B, T, G*D]; where they are NaN, from their estimate."""
        known = displacements.isfinite().all(-1).all(-1)[..., None, None]
        used = torch.where(known, displacements.nan_to_num(), self.estimates(states))
        m: Tensor = self.transform(used.flatten(2))
        return m


class DisentangleEncoder(nn.Module):
    """T5 over [K queries | T frame tokens] (supplement A.1, Table A4)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        encoder, denoiser = config.encoder, config.denoiser
        self.patch, self.channels = denoiser.patch, denoiser.channels
        frame_size = denoiser.channels * denoiser.resolution**2
        self.frame_stem = None
        if encoder.frame_stem:
            self.frame_stem, frame_size = frame_stem(denoiser, encoder.frame_stem)
        # Without parameters: the linear layer after it absorbs any affine map.
        self.frame_norm = nn.LayerNorm(frame_size, elementwise_affine=False)
        self.frame_token = nn.Linear(frame_size, encoder.width)
        self.queries = nn.Parameter(torch.randn(encoder.queries, encoder.width))
        patch_size = denoiser.channels * denoiser.patch**2
        self.query_seed = nn.Linear(patch_size, encoder.width, bias=False) if encoder.seeded_queries else None
        self.t5 = T5Encoder(encoder)
        self.content_head = None if encoder.seeded_queries else nn.Linear(encoder.width, encoder.content_channels)
        self.motion_head = nn.Linear(encoder.width, config.quantizer.groups * config.quantizer.dims, bias=False)
        nn.init.xavier_normal_(self.motion_head.weight)
        self.landmarks = LandmarkMotion(config) if denoiser.landmarks else None

    def content(self, z: Tensor) -> Tensor:
        """Content map [B, C, H, W] of each clip from some of its frames, z [B, T, C, H, W], T >= 1."""
        if self.content_head is None:
            return take_frame(z, central_frame(z))
        mixed = self._mix(self.queries.expand(len(z), -1, -1), z, None)
        k = self.queries.shape[0]
        return unpatchify(self.content_head(mixed[:, :k]), self.patch, self.channels)  # c: [B, K, C_c]

    def reads_latents(self, displacements: Tensor | None) -> bool:
        """Whether motion vectors depend on latents beside these displacements [..., L, 2]: not where landmarks are
        known in all frames, of a model whose motion is theirs alone.
        """
        if self.landmarks is None or displacements is None or not displacements.isfinite().all():
            return True
        return bool(self.motion_head.weight.any())

    def motion(self, z: Tensor | None, content: Tensor | None, displacements: Tensor | None = None) -> Tensor:
        """Motion vectors m [B, T, G*D] of frames z [B, T, C, H, W] with the content map [B, C, H, W] of their shot.

        z, content: None where `reads_latents` says that they are not needed. displacements: of the landmarks since the
        content's frame [B, T, L, 2], in its face's coordinates (model/landmarks.py), NaN where no face was found; None:
        in no frame, or a model without landmarks.
        """
        if z is None:
            assert self.landmarks is not None and displacements is not None, "the encoder reads latents or landmarks"
            m: Tensor = self.landmarks.transform(displacements.flatten(2))
            return m
        assert content is not None, "latents are compared with those of the content"
        displacements = self._displacements(z, displacements)
        return self.motion_of_states(self.states(z, content, displacements), displacements)

    def motion_of_states(self, states: Tensor, displacements: Tensor | None) -> Tensor:
        """Motion vectors m [B, T, G*D] of states [B, T, width]; displacements as of `motion`, and as of `states`."""
        m: Tensor = self.motion_head(states)
        if self.landmarks is None:
            return m
        return m + self.landmarks.motion(states, self._displacements(states, displacements))

    def states(self, z: Tensor, content: Tensor, displacements: Tensor | None = None) -> Tensor:
        """Inputs of the motion head [B, T, width] for frames z [B, T, C, H, W]; displacements as of `motion`.

        With seeded queries the content map [B, C, H, W] passes through the T5 as one more frame, and its state is
        subtracted from the others: appearance cancels, motion since the content's frame remains.
        """
        k = self.queries.shape[0]
        queries = self.queries.expand(len(z), -1, -1)  # [B, K, width]
        added = None if self.landmarks is None else self.landmarks.tokens(self._displacements(z, displacements))
        if self.query_seed is None:
            return self._mix(queries, z, added)[:, k:]
        queries = queries + self.query_seed(patchify(content, self.patch))
        # The content's frame is the first token after the queries; it has no displacement.
        added = None if added is None else F.pad(added, (0, 0, 1, 0))
        mixed = self._mix(queries, torch.cat([content[:, None], z], 1), added)[:, k:]  # [B, 1+T, width]
        return mixed[:, 1:] - mixed[:, :1]

    def tokens(self, frames: Tensor) -> Tensor:
        """Input token of each frame, before the T5. frames: [N, C, H, W]. Returns [N, width]."""
        if self.frame_stem is not None:
            frames = self.frame_stem(frames)
        token: Tensor = self.frame_token(self.frame_norm(frames.flatten(1)))
        return token

    def _mix(self, queries: Tensor, z: Tensor, added: Tensor | None) -> Tensor:
        """T5 outputs [B, K+T, width] over [K queries | T frame tokens] of z [B, T, C, H, W].

        added: to the frame tokens [B, T, width].
        """
        tokens = self.tokens(z.flatten(0, 1)).unflatten(0, z.shape[:2])  # [B, T, width]
        tokens = tokens if added is None else tokens + added
        mixed: Tensor = self.t5(torch.cat([queries, tokens], 1))
        return mixed

    def _displacements(self, z: Tensor, displacements: Tensor | None) -> Tensor:
        """Displacements [B, T, L, 2], NaN where none were given."""
        count = 0 if self.landmarks is None else self.landmarks.token.in_features // 2
        return z.new_full((*z.shape[:2], count, 2), torch.nan) if displacements is None else displacements
