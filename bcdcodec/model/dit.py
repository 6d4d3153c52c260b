"""The diffusion transformer (DiT) with inserted temporal blocks: the denoising network F of the paper (Tables A4, A5).

    [x | content] [B, T, 2C, H, W] -> patches -> (spatial block, temporal block where listed) x layers -> patches -> F

A spatial block attends over the patches of one frame, a temporal block over the frames of one patch. Motion and noise
level condition both per frame through the adaptive norm of Eq. 5. What the paper leaves open, and where a
configuration may leave it, is in docs/fidelity.md.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bcdcodec.config import DenoiserConfig
from bcdcodec.model.disentangle import patchify, unpatchify

#: Sinusoidal features of the noise level.
FREQUENCIES = 256


def sinusoids(x: Tensor, width: int, *, period: float = 10000.0) -> Tensor:
    """Sine-cosine features of scalars: [...] -> [..., width]."""
    rates = torch.exp(-math.log(period) * torch.arange(width // 2, device=x.device) / (width // 2))
    angles = x.float()[..., None] * rates
    return torch.cat([angles.cos(), angles.sin()], -1)


def grid_positions(side: int, width: int) -> Tensor:
    """Fixed 2-D sine-cosine position of each patch in raster order: [side*side, width]."""
    steps = torch.arange(side, dtype=torch.float32)
    rows, columns = torch.meshgrid(steps, steps, indexing="ij")
    return torch.cat([sinusoids(rows.flatten(), width // 2), sinusoids(columns.flatten(), width // 2)], -1)


@dataclass(frozen=True, slots=True)
class ConditionSizes:
    """Numbers that stand for the noise level and for the motion of a frame, where they enter a norm."""

    noise: int
    motion: int


class AdaptiveNorm(nn.Module):
    """Adaptive norm of Eq. 5: m_s (t_s Norm(h) + t_b) + m_b; the plain norm at first.

    groups: of channels of a GroupNorm over all tokens (the paper); 0: LayerNorm over the channels of each token.
    """

    def __init__(self, width: int, sizes: ConditionSizes, groups: int = 0) -> None:
        super().__init__()
        self.groups = groups
        self.from_noise = nn.Linear(sizes.noise, 2 * width)
        self.from_motion = nn.Linear(sizes.motion, 2 * width)
        for layer in (self.from_noise, self.from_motion):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, h: Tensor, t: Tensor, m: Tensor) -> Tensor:
        """h: [N, tokens, width]; t, m: [N, 1 or tokens, .] of noise level and motion."""
        scale, shift = self.affine(t, m)
        if self.groups:
            normed = F.group_norm(h.transpose(1, 2), self.groups).transpose(1, 2)
        else:
            normed = F.layer_norm(h, h.shape[-1:])
        return torch.addcmul(shift, normed, scale)

    def affine(self, t: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and shift of the normalised values, [..., width], for t and m [..., .]."""
        t_s, t_b = self.from_noise(t).chunk(2, -1)
        m_s, m_b = self.from_motion(m).chunk(2, -1)
        # (1 + m_s)((1 + t_s) n + t_b) + m_b with the two affine maps merged first: one pass over the values.
        return (1 + m_s) * (1 + t_s), (1 + m_s) * t_b + m_b


def _embedding(size: int, width: int) -> nn.Sequential:
    """Two layers from a condition of `size` numbers to an embedding of the tokens' width."""
    return nn.Sequential(nn.Linear(size, width), nn.SiLU(), nn.Linear(width, width))


class DitBlock(nn.Module):
    """Attention and MLP behind adaptive norms, each scaled by a gate that starts at zero (adaLN-Zero).

    sizes: of the conditions, None for embeddings of the tokens' width, whose sum makes the gates.
    """

    def __init__(self, config: DenoiserConfig, sizes: ConditionSizes | None = None) -> None:
        super().__init__()
        width = config.width
        self.heads, self.sums_conditions = config.heads, sizes is None
        sizes = sizes or ConditionSizes(width, width)
        self.attention_norm = AdaptiveNorm(width, sizes, config.norm_groups)
        self.feed_norm = AdaptiveNorm(width, sizes, config.norm_groups)
        self.gates = nn.Linear(width if self.sums_conditions else sizes.noise + sizes.motion, 2 * width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.feed_in = nn.Linear(width, config.feed_forward)
        self.feed_out = nn.Linear(config.feed_forward, width)
        nn.init.zeros_(self.gates.weight)
        nn.init.zeros_(self.gates.bias)

    def forward(self, h: Tensor, t: Tensor, m: Tensor) -> Tensor:
        n, tokens, width = h.shape
        conditions = t + m if self.sums_conditions else torch.cat([t, m], -1)
        gate_attention, gate_feed = self.gates(conditions).chunk(2, -1)
        qkv = self.qkv(self.attention_norm(h, t, m)).view(n, tokens, 3, self.heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each [N, heads, tokens, width/heads]
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, tokens, width)
        h = torch.addcmul(h, gate_attention, self.out(mixed))
        fed = self.feed_out(F.gelu(self.feed_in(self.feed_norm(h, t, m)), approximate="tanh"))
        return torch.addcmul(h, gate_feed, fed)


class Dit(nn.Module):
    """F(x; sigma, c, m): the raw network inside the preconditioning of model/edm.py."""

    def __init__(self, config: DenoiserConfig, motion_dims: int) -> None:
        super().__init__()
        self.config = config
        width, patch = config.width, config.patch
        side = config.resolution // patch
        self.embed = nn.Linear(2 * config.channels * patch**2, width)
        self.register_buffer("positions", grid_positions(side, width), persistent=False)
        # Without embeddings the blocks are given the features of the noise level and the motion vector themselves.
        sizes = ConditionSizes(FREQUENCIES, motion_dims) if config.linear_conditions else None
        self.noise_embedding = None if sizes else _embedding(FREQUENCIES, width)
        self.motion_embedding = None if sizes else _embedding(motion_dims, width)
        # Learned stand-ins for dropped conditions, for classifier-free guidance.
        self.no_motion = nn.Parameter(torch.zeros(motion_dims))
        self.no_content = nn.Parameter(torch.zeros(config.channels, config.resolution, config.resolution))
        self.blocks = nn.ModuleList(DitBlock(config, sizes) for _ in range(config.layers))
        self.temporal = nn.ModuleDict({str(i): DitBlock(config, sizes) for i in config.temporal_blocks})
        self.final_norm = AdaptiveNorm(width, sizes or ConditionSizes(width, width), config.norm_groups)
        self.final = nn.Linear(width, config.channels * patch**2)
        # F starts at zero, so that D starts at its skip connection.
        nn.init.zeros_(self.final.weight)
        nn.init.zeros_(self.final.bias)

    def forward(
        self,
        x: Tensor,
        c_noise: Tensor,
        content_map: Tensor,
        motion: Tensor,
        *,
        condition_mask: Tensor,
        temporal: bool = True,
    ) -> Tensor:
        """Network output of x's shape.

        x: scaled latents [B, T, C, H, W]; c_noise: noise level of each frame [B, T]; content_map: content of each
        frame [B, T, C, H, W]; motion: m_hat [B, T, G*D]; condition_mask: bool [B], False replaces both conditions by
        learned "none" values; temporal: False skips the temporal blocks.
        """
        b, t = x.shape[:2]
        conditioned = condition_mask.view(b, 1, 1)
        motion = torch.where(conditioned, motion, self.no_motion)
        content_map = torch.where(conditioned[..., None, None], content_map, self.no_content)
        x = torch.cat([x, content_map], 2)  # [B, T, 2C, H, W]
        h = (self.embed(patchify(x, self.config.patch)) + self.positions).flatten(0, 1)  # [B*T, P, width]
        # c_noise spans about -2 to 1; a hundredfold, it spreads over the frequencies of the features.
        noise = sinusoids(c_noise * 100, FREQUENCIES)  # [B, T, FREQUENCIES]
        if self.noise_embedding is not None and self.motion_embedding is not None:
            noise = F.silu(self.noise_embedding(noise))  # [B, T, width]
            motion = F.silu(self.motion_embedding(motion))
        # Spatial blocks see frames as the batch: one condition for all patches of a frame, [B*T, 1, .] each.
        frame_noise, frame_motion = noise.flatten(0, 1)[:, None], motion.flatten(0, 1)[:, None]
        for i, block in enumerate(self.blocks):
            h = block(h, frame_noise, frame_motion)
            if temporal and str(i) in self.temporal:
                h = self._mix_frames(self.temporal[str(i)], h, noise, motion)
        out = self.final(self.final_norm(h, frame_noise, frame_motion))
        return unpatchify(out, self.config.patch, self.config.channels).unflatten(0, (b, t))

    def _mix_frames(self, block: nn.Module, h: Tensor, noise: Tensor, motion: Tensor) -> Tensor:
        """One temporal block: frames become the sequence, patches the batch. h: [B*T, P, width]."""
        b, t = noise.shape[:2]
        patches, width = h.shape[1:]
        position = sinusoids(torch.arange(t, device=h.device), width).to(h.dtype)
        across = h.view(b, t, patches, width).transpose(1, 2).reshape(b * patches, t, width)
        noise, motion = (e[:, None].expand(-1, patches, -1, -1).flatten(0, 1) for e in (noise, motion))
        # The position is an input of the block, not part of the residual stream, so a closed gate leaves h unchanged.
        mixed = block(across + position, noise, motion) - position
        return mixed.view(b, patches, t, width).transpose(1, 2).reshape(b * t, patches, width)
