"""Content moved to the pose of each frame: what the denoiser starts from. In: content, motion. Out: anchors.

    points of the face moved by m_hat (points.py)     -> flow around them
    content map -> patches -> blocks steered by m_hat -> coarse flow a patch
                                                      -> convolutions beside the map -> fine flow
    anchor = the content's picture warped by the flow, and the latents of that

The `face` preset diffuses what the anchor leaves over, z - anchor, instead of z itself: a head that turns is mostly
the same head displaced, which a small network learns as a flow long before it learns to paint it. An anchor only
displaces: it stays as sharp as the content, whatever it does not know. The paper's presets have no anchor.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bcdcodec.config import DenoiserConfig
from bcdcodec.model.disentangle import patchify, unpatchify
from bcdcodec.model.dit import DitBlock, grid_positions

#: The flow has this many places to a latent pixel: lips part by less than the eight pixels of one. What the network
#: adds to the points' movement is smoother.
FLOW_SCALE, ADDED_SCALE = 4, 2
#: Channels that each latent pixel hands from the blocks to the convolutions.
FINE_CHANNELS = 32


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


@dataclass(frozen=True, slots=True)
class WarpedReference:
    """latents: [B, T, C, H, W]; pictures: [B, T, 3, P, P] that they are the latents of, None without an anchor."""

    latents: Tensor
    pictures: Tensor | None

    def of_clip(self, row: int) -> "WarpedReference":
        """Those of one clip of the batch, without its axis."""
        return WarpedReference(self.latents[row], None if self.pictures is None else self.pictures[row])

    def last(self, frames: int) -> "WarpedReference":
        """Those of the last frames of every clip."""
        return WarpedReference(self.latents[:, -frames:], None if self.pictures is None else self.pictures[:, -frames:])


def warp_reference(picture: Tensor, flow: Tensor, vae: Autoencoder | None) -> WarpedReference:
    """The content's picture [B, 3, P, P] moved by the flow of each frame [B, T, 2, h, w], and its latents.

    It is warped as a picture and encoded again: latents describe 8x8 blocks, and a block that moved by half its width
    is not halfway between two latents.
    """
    b, t = flow.shape[:2]
    pictures = warp_frames(picture, resize_flow(flow, picture.shape[-1]))
    latents = pictures if vae is None else vae.encode(pictures.flatten(0, 1)).unflatten(0, (b, t))
    return WarpedReference(latents, pictures)


def resize_flow(flow: Tensor, size: int) -> Tensor:
    """The same displacement for a picture of another size: [B, T, 2, h, w] -> [B, T, 2, size, size], in its pixels."""
    b, t = flow.shape[:2]
    factor = size / flow.shape[-1]
    mode, corners = ("bilinear", False) if factor > 1 else ("area", None)
    resized = F.interpolate(flow.flatten(0, 1), size=(size, size), mode=mode, align_corners=corners) * factor
    return resized.unflatten(0, (b, t))


class ReferenceWarper(nn.Module):
    """A few transformer blocks over the content's patches, one pass a frame, and convolutions that see its edges."""

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
        self.spread = nn.Linear(width, FINE_CHANNELS * config.patch**2)
        flow = nn.Conv2d(2 * FINE_CHANNELS, 2 * ADDED_SCALE**2, 3, padding=1)
        self.fine = nn.Sequential(
            nn.Conv2d(FINE_CHANNELS + config.channels + 3, 2 * FINE_CHANNELS, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(2 * FINE_CHANNELS, 2 * FINE_CHANNELS, 3, padding=1),
            nn.SiLU(),
            flow,
            nn.PixelShuffle(ADDED_SCALE),
        )
        # Zero flow at first: the content held still.
        for layer in (self.coarse, flow):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, content: Tensor, m_hat: Tensor, known: Tensor, cover: Tensor) -> Tensor:
        """Flow: where each place of each frame comes from, relative to itself. content: map [B, C, H, W]; m_hat:
        [B, T, G*D]; known: flow [B, T, 2, 4H, 4W] that is true where cover [B, T, 1, 4H, 4W] is 1, zero where nothing
        is known. Returns [B, T, 2, 4H, 4W], x then y, in pixels of its own grid.
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
        scale = self.patch * ADDED_SCALE
        coarse = F.interpolate(coarse, scale_factor=scale, mode="bilinear", align_corners=False)
        spread = unpatchify(self.spread(h), self.patch, FINE_CHANNELS)  # [B*T, 32, H, W]
        shown = content[:, None].expand(-1, t, -1, -1, -1).flatten(0, 1)
        told = F.avg_pool2d(torch.cat([known / 8, cover], 2).flatten(0, 1), FLOW_SCALE)
        fine = self.fine(torch.cat([spread, shown, told], 1))
        return known + resize_flow((coarse + fine).unflatten(0, (b, t)), known.shape[-1])
