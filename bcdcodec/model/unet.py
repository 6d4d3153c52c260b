"""The denoiser of pictures: a small U-Net between the warped reference and the frame.

    [x - warp | guides] -> half the side, four times the channels -> U-Net -> choice a, correction c
    D = warp + skip (x - warp) + out / sigma_data (a (still - warp) + sigma_data c)

EDM's preconditioning (Karras et al., 2022, Eq. 7) around the warp, whose error has the deviation sigma_data. What the
network adds is per pixel a choice between the warp and the still, and what neither of them shows. Motion and noise
level steer every block through the adaptive norm of Eq. 5, here over groups of channels.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bcdcodec.config import PictureDenoiserConfig
from bcdcodec.model.dit import AdaptiveNorm, ConditionSizes, sinusoids
from bcdcodec.model.edm import scalings
from bcdcodec.model.guides import FACE_PLANES, RASTER_SCALE, Guides

#: Sinusoidal features of the noise level, and channels of a group of the norm.
FREQUENCIES, GROUP_CHANNELS = 64, 8
#: Planes of the picture's size: x less the warp, warp, still, and the change of area.
PLANES = 3 + 3 + 3 + 1
#: Logit of the choice at first: almost only the warp.
FIRST_CHOICE = -3.0


class AdaptiveGroupNorm(AdaptiveNorm):
    """The adaptive norm of Eq. 5 over groups of channels of a picture."""

    def forward(self, h: Tensor, t: Tensor, m: Tensor) -> Tensor:
        """h: [N, C, H, W]; t, m: [N, embedding] of noise level and motion."""
        scale, shift = (part[..., None, None] for part in self.affine(t, m))
        return torch.addcmul(shift, F.group_norm(h, max(1, h.shape[1] // GROUP_CHANNELS)), scale)


class Block(nn.Module):
    """Two convolutions behind adaptive norms, added to their input; the second starts at zero."""

    def __init__(self, channels: int, embedding: int) -> None:
        super().__init__()
        sizes = ConditionSizes(embedding, embedding)
        self.norms = nn.ModuleList(AdaptiveGroupNorm(channels, sizes) for _ in range(2))
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, h: Tensor, t: Tensor, m: Tensor) -> Tensor:
        changed = self.first(F.silu(self.norms[0](h, t, m)))
        changed = self.second(F.silu(self.norms[1](changed, t, m)))
        return h + changed


class PictureDenoiser(nn.Module):
    """D(x; sigma, guides) of frames [N, 3, P, P]; the warp as it is before training, but for the still's small share.

    motion_dims: of a frame's code vectors.
    """

    def __init__(self, config: PictureDenoiserConfig, motion_dims: int) -> None:
        super().__init__()
        self.config = config
        widths, embedding = config.widths, config.embedding
        self.noise_embedding = nn.Sequential(nn.Linear(FREQUENCIES, embedding), nn.SiLU())
        self.motion_embedding = nn.Sequential(nn.Linear(motion_dims, embedding), nn.SiLU())
        self.enter = nn.Conv2d(PLANES * RASTER_SCALE**2 + 2 * FACE_PLANES, widths[0], 3, padding=1)
        pairs = list(pairwise(widths))
        # At the largest size, which costs the most, one block on the way up is enough.
        self.down = nn.ModuleList(Block(width, embedding) for width in widths[1:-1])
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairs)
        self.middle = nn.ModuleList(Block(widths[-1], embedding) for _ in range(2))
        self.grow = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in reversed(pairs))
        self.up = nn.ModuleList(Block(width, embedding) for width in widths[-2::-1])
        self.leave = nn.Conv2d(widths[0], 4 * RASTER_SCALE**2, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster, of few channels

    def forward(self, x: Tensor, sigma: Tensor, guides: Guides) -> Tensor:
        """Denoised frames of x's shape.

        x: noisy frames [N, 3, P, P], of a side that 2^len(widths) divides; sigma: noise level of each [N], > 0.
        """
        s = scalings(sigma[:, None, None, None], self.config.sigma_data)
        residual = x - guides.warps
        choice, correction = self._network(s.in_ * residual, s.noise[:, 0, 0, 0], guides)
        chosen = torch.sigmoid(choice + FIRST_CHOICE) * (guides.stills - guides.warps)
        # At high noise out / sigma_data is 1, and x has no part in the result.
        added = chosen / self.config.sigma_data + self.config.correction * correction
        return guides.warps + s.skip * residual + s.out * added

    def _network(self, residual: Tensor, c_noise: Tensor, guides: Guides) -> tuple[Tensor, Tensor]:
        """Logit of the choice [N, 1, P, P], and the correction [N, 3, P, P] in units of sigma_data."""
        h = self._enter(torch.cat([residual, guides.warps, guides.stills, guides.areas], 1), guides.rasters)
        noise = self.noise_embedding(sinusoids(c_noise * 100, FREQUENCIES).to(h.dtype))
        motion = self.motion_embedding(guides.motion)
        kept = list[Tensor]()
        for level, shrink in enumerate(self.shrink):
            h = self.down[level - 1](h, noise, motion) if level else h
            kept.append(h)
            h = shrink(h)
        for block in self.middle:
            h = block(h, noise, motion)
        for grow, block in zip(self.grow, self.up, strict=True):
            h = kept.pop() + F.interpolate(grow(h), scale_factor=2.0, mode="nearest")
            h = block(h, noise, motion)
        out = F.pixel_shuffle(self.leave(F.silu(h)), RASTER_SCALE)
        choice, correction = out.split([1, 3], 1)
        return choice, correction

    def _enter(self, planes: Tensor, rasters: Tensor) -> Tensor:
        """`enter` of planes [N, PLANES, P, P], brought to half the side with four times the channels, and rasters.

        One strided convolution over the planes as they are is the same, and costs a third.
        """
        by_plane = self.enter.weight[:, : PLANES * RASTER_SCALE**2]
        # [C, planes, 2, 2, 3, 3] -> [C, planes, 3, 2, 3, 2] -> [C, planes, 6, 6]
        rows = by_plane.unflatten(1, (PLANES, RASTER_SCALE, RASTER_SCALE)).permute(0, 1, 4, 2, 5, 3)
        strided = rows.flatten(4, 5).flatten(2, 3)
        planes = planes.contiguous(memory_format=torch.channels_last)
        rasters = rasters.contiguous(memory_format=torch.channels_last)
        h = F.conv2d(planes, strided, self.enter.bias, stride=RASTER_SCALE, padding=RASTER_SCALE)
        return h + F.conv2d(rasters, self.enter.weight[:, PLANES * RASTER_SCALE**2 :], padding=1)
