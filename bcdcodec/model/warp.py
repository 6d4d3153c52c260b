"""Reference warping: the content's picture moved to the pose of each frame by a predicted flow.

    landmark displacements of m_hat (model/landmark_flow.py)   -> prior flow
    content map -> patches -> DiT blocks conditioned on m_hat  -> coarse flow, one vector a patch
                              -> convolutions beside the map   -> fine flow
    warped reference = the content's picture warped by the sum of the flows, and its latents

The `face` preset diffuses the residual z - reference instead of z: a head that turns is mostly the same head displaced,
which a small network learns as a flow long before it learns to generate it. Warping keeps the sharpness of the content.
The paper's presets have no warper.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bcdcodec.config import DenoiserConfig
from bcdcodec.model.disentangle import patchify, unpatchify
from bcdcodec.model.dit import DitBlock, grid_positions
from bcdcodec.model.enlarge import enlarge

#: Flow vectors per latent pixel and axis, one a pixel of the picture: an eye that shuts is a few pixels high. The flow
#: that the network adds to the prior is smoother.
FLOW_SCALE, ADDED_SCALE = 8, 2
#: Channels per latent pixel from the blocks to the convolutions.
FINE_CHANNELS = 32
#: Factor that brings the prior flow, in pixels of its grid, to about unit size as an input of the convolutions.
PRIOR_FLOW_UNIT = 1 / 16


class Autoencoder(Protocol):
    """Interface of the image autoencoders, model/vae.py and model/sd_vae.py."""

    def encode(self, x: Tensor) -> Tensor: ...

    def decode(self, z: Tensor) -> Tensor: ...


def warp(picture: Tensor, flow: Tensor) -> Tensor:
    """Sample a picture at displaced positions (backward warping), borders repeated.

    picture: [N, C, H, W]; flow: [N, 2, H, W], x then y, in pixels of the picture. Returns [N, C, H, W]; zero flow
    returns the picture.
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
    return warp(picture[:, None].expand(-1, t, -1, -1, -1).flatten(0, 1), flow.flatten(0, 1)).unflatten(0, (b, -1))


@dataclass(frozen=True, slots=True)
class WarpedReference:
    """The content warped to each frame. latents: [B, T, C, H, W]; pictures: [B, T, 3, P, P], whose latents these are.

    Without a warper, latents are zero and pictures None.
    """

    latents: Tensor
    pictures: Tensor | None

    def of_clip(self, row: int) -> "WarpedReference":
        """The references of one clip of the batch, without the batch axis."""
        return WarpedReference(self.latents[row], None if self.pictures is None else self.pictures[row])

    def last(self, frames: int) -> "WarpedReference":
        """The references of the last `frames` frames of every clip."""
        return WarpedReference(self.latents[:, -frames:], None if self.pictures is None else self.pictures[:, -frames:])


def warp_reference(picture: Tensor, flow: Tensor, vae: Autoencoder | None) -> WarpedReference:
    """Warp the content's picture [B, 3, P, P] by the flow of each frame [B, T, 2, h, w], and encode the results.

    The picture is warped rather than its latents: a latent describes an 8x8 block, and a block that moved by half its
    width is not halfway between two latents.
    """
    b, t = flow.shape[:2]
    pictures = warp_frames(picture, resize_flow(flow, picture.shape[-1]))
    latents = pictures if vae is None else vae.encode(pictures.flatten(0, 1)).unflatten(0, (b, t))
    return WarpedReference(latents, pictures)


def resize_flow(flow: Tensor, size: int) -> Tensor:
    """Resample a flow for a picture of another size: [B, T, 2, h, w] -> [B, T, 2, size, size], in pixels of that."""
    factor, grids = size / flow.shape[-1], flow.flatten(0, 1)
    resized = enlarge(grids, size, "bilinear") if factor >= 1 else F.interpolate(grids, size=(size, size), mode="area")
    return (resized if factor == 1 else resized * factor).unflatten(0, (flow.shape[0], -1))


class Smooth(nn.Module):
    """Binomial filter of a grid [N, C, H, W], which removes what alternates from cell to cell.

    Vectors of one latent pixel come from weights of their own (`PixelShuffle`); what is left of that pattern
    gives outlines of hair scallops with the period of a latent pixel.
    """

    def forward(self, grid: Tensor) -> Tensor:
        channels = grid.shape[1]
        row = grid.new_tensor([1.0, 2.0, 1.0]) / 4
        kernel = torch.outer(row, row).expand(channels, 1, 3, 3)
        return F.conv2d(F.pad(grid, (1, 1, 1, 1), mode="replicate"), kernel, groups=channels)


class ReferenceWarper(nn.Module):
    """Flow network: DiT blocks over the content's patches, one pass a frame, then convolutions that see its edges."""

    def __init__(self, config: DenoiserConfig, motion_dims: int) -> None:
        super().__init__()
        self.patch = config.patch
        width, numbers = config.width, config.channels * config.patch**2
        self.side = config.resolution // config.patch
        self.embed = nn.Linear(numbers, width)
        self.register_buffer("positions", grid_positions(self.side, width), persistent=False)
        self.motion_embedding = nn.Sequential(nn.Linear(motion_dims, width), nn.SiLU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(DitBlock(config) for _ in range(config.warp_blocks))
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
            Smooth(),
        )
        # The flow starts at the prior: without landmarks, every frame is the unmoved content.
        for layer in (self.coarse, flow):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, content: Tensor, m_hat: Tensor, prior_flow: Tensor, confidence: Tensor) -> Tensor:
        """Backward flow from each frame to the content's frame.

        content: map [B, C, H, W]; m_hat: [B, T, G*D]; prior_flow: [B, T, 2, sH, sW], zero where nothing is known, s
        FLOW_SCALE as in training, or coarser; confidence: of the prior flow [B, T, 1, sH, sW] in 0..1. Returns
        [B, T, 2, sH, sW], x then y, in pixels of its own grid.
        """
        b, t = m_hat.shape[:2]
        motion_embedding = F.silu(self.motion_embedding(m_hat)).flatten(0, 1)[:, None]  # [B*T, 1, width]
        # The blocks are those of the denoiser; here is no noise level.
        no_noise = motion_embedding.new_zeros(1).expand_as(motion_embedding)
        h = self.embed(patchify(content, self.patch)) + self.positions  # [B, P, width]
        h = h[:, None].expand(-1, t, -1, -1).flatten(0, 1)  # [B*T, P, width]
        for block in self.blocks:
            h = block(h, no_noise, motion_embedding)
        h = F.layer_norm(h, h.shape[-1:])
        coarse = self.coarse(h).view(b * t, self.side, self.side, 2).permute(0, 3, 1, 2)
        scale = self.patch * ADDED_SCALE
        coarse = enlarge(coarse, scale * self.side, "bilinear")
        spread = unpatchify(self.spread(h), self.patch, FINE_CHANNELS)  # [B*T, 32, H, W]
        content_map = content[:, None].expand(-1, t, -1, -1, -1).flatten(0, 1)
        cells = prior_flow.shape[-1] // content.shape[-1]
        known = (prior_flow * (PRIOR_FLOW_UNIT * FLOW_SCALE / cells)).flatten(0, 1), confidence.flatten(0, 1)
        prior = [F.avg_pool2d(grid, cells) for grid in known]
        fine = self.fine(torch.cat([spread, content_map, *prior], 1))
        return prior_flow + resize_flow((coarse + fine).unflatten(0, (b, -1)), prior_flow.shape[-1])
