"""Content moved to the pose of each frame: the picture the denoiser starts from. In: content map, motion. Out: anchors.

    content -> patches -> blocks steered by m_hat -> coarse flow a patch + fine flow a latent pixel
    anchor = content warped by the flow, as a picture where there is an autoencoder

The `face` preset diffuses what the anchor leaves over, z - anchor, instead of z itself: a head that turns is mostly
the same head displaced, which a small network learns as a flow long before it learns to paint it. An anchor only
displaces: it stays as sharp as the content, whatever it does not know. The paper's presets have no anchor.
"""

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bcdcodec.config import DenoiserConfig
from bcdcodec.model.disentangle import patchify, unpatchify
from bcdcodec.model.dit import DitBlock, grid_positions


class Autoencoder(Protocol):
    """What model/vae.py and model/sd_vae.py have in common."""

    def encode(self, x: Tensor) -> Tensor: ...

    def decode(self, z: Tensor) -> Tensor: ...


def warp(picture: Tensor, flow: Tensor) -> Tensor:
    """Sample a picture at displaced positions, borders repeated. picture: [N, C, H, W]; flow: [N, 2, H, W], x then y,
    in pixels of the picture. Returns [N, C, H, W]; zero flow returns the picture.
    """
    h, w = picture.shape[-2:]
    rows = torch.arange(h, device=flow.device, dtype=flow.dtype).view(1, h, 1)
    columns = torch.arange(w, device=flow.device, dtype=flow.dtype).view(1, 1, w)
    x = (2 * (columns + flow[:, 0]) + 1) / w - 1
    y = (2 * (rows + flow[:, 1]) + 1) / h - 1
    # Bicubic: bilinear interpolation would low-pass the latents at every half-pixel shift.
    return F.grid_sample(picture, torch.stack([x, y], -1), mode="bicubic", padding_mode="border", align_corners=False)


def warp_frames(picture: Tensor, flow: Tensor) -> Tensor:
    """One picture [B, C, H, W] warped by the flow of each frame [B, T, 2, H, W]: [B, T, C, H, W]."""
    b, t = flow.shape[:2]
    return warp(picture[:, None].expand(-1, t, -1, -1, -1).flatten(0, 1), flow.flatten(0, 1)).unflatten(0, (b, t))


def move_content(content: Tensor, flow: Tensor, vae: Autoencoder | None) -> Tensor:
    """Anchors [B, T, C, H, W] of a content map [B, C, H, W] and the flow of each frame [B, T, 2, H, W].

    With an autoencoder the content is warped as a picture and encoded again: latents describe 8x8 blocks, and a block
    that moved by half its width is not halfway between two latents.
    """
    if vae is None:
        return warp_frames(content, flow)
    b, t = flow.shape[:2]
    picture = vae.decode(content)  # [B, 3, P, P]
    factor = picture.shape[-1] // content.shape[-1]
    return vae.encode(warp_frames(picture, enlarge_flow(flow, factor)).flatten(0, 1)).unflatten(0, (b, t))


def enlarge_flow(flow: Tensor, factor: int) -> Tensor:
    """The same displacement for a picture `factor` times as large: [B, T, 2, H, W] -> [B, T, 2, f*H, f*W]."""
    b, t = flow.shape[:2]
    large = F.interpolate(flow.flatten(0, 1), scale_factor=factor, mode="bilinear", align_corners=False) * factor
    return large.unflatten(0, (b, t))


class Anchor(nn.Module):
    """A few transformer blocks over the content's patches, one pass a frame."""

    def __init__(self, config: DenoiserConfig, motion_dims: int) -> None:
        super().__init__()
        self.patch = config.patch
        width, numbers = config.width, config.channels * config.patch**2
        self.side = config.resolution // config.patch
        self.embed = nn.Linear(numbers, width)
        self.register_buffer("positions", grid_positions(self.side, width), persistent=False)
        self.motion_embedding = nn.Sequential(nn.Linear(motion_dims, width), nn.SiLU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(DitBlock(config) for _ in range(config.anchor_blocks))
        self.coarse = nn.Linear(width, 2)
        self.fine = nn.Linear(width, 2 * config.patch**2)
        for layer in (self.coarse, self.fine):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, content: Tensor, m_hat: Tensor) -> Tensor:
        """Flow: where each latent pixel of each frame comes from, relative to itself. content: [B, C, H, W];
        m_hat: [B, T, G*D]. Returns [B, T, 2, H, W] in latent pixels.
        """
        b, t = m_hat.shape[:2]
        steer = F.silu(self.motion_embedding(m_hat)).flatten(0, 1)[:, None]  # [B*T, 1, width]
        nothing = torch.zeros_like(steer)
        h = self.embed(patchify(content, self.patch)) + self.positions  # [B, P, width]
        h = h[:, None].expand(-1, t, -1, -1).flatten(0, 1)  # [B*T, P, width]
        for block in self.blocks:
            h = block(h, nothing, steer)
        h = F.layer_norm(h, h.shape[-1:])
        coarse = self.coarse(h).view(b * t, self.side, self.side, 2).permute(0, 3, 1, 2)
        coarse = F.interpolate(coarse, scale_factor=self.patch, mode="bilinear", align_corners=False)
        return (coarse + unpatchify(self.fine(h), self.patch, 2)).unflatten(0, (b, t))
