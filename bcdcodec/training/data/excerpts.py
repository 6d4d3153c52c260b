"""Augmentation of clips: framing, proportions, colour, light, sharpness and noise, constant over a clip.

    drawn once a clip:  a smooth displacement of the picture: other framing, other proportions
                        colours, contrast, gamma, a light from one side, softness
    drawn once a frame: the noise of a camera

Only the face then moves within a clip. With few identities in training, codes of facial motion that apply to any
identity are not learned otherwise.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

#: Affine: roll in degrees, ln of scale, ln of aspect, shear, shift in fractions of the picture; standard deviations.
ROLL, SCALE, ASPECT, SHEAR, SHIFT = 6.0, 0.1, 0.05, 0.04, 0.03
#: Warp: displacements of a grid of GRID x GRID nodes, standard deviation in fractions of the picture.
GRID, WARP = 5, 0.015
#: Colours: gain and offset of each channel and of all, mixing of channels, ln gamma, light across the picture.
GAIN, OFFSET, MIX, GAMMA, LIGHT = 0.12, 0.04, 0.05, 0.2, 0.2
#: Shares of excerpts that are not augmented, that are softened (by a factor of up to 2) and that get noise (up to this
#: standard deviation in 0..1).
PLAIN, SOFT, NOISY, MOST_NOISE = 0.15, 0.3, 0.3, 0.03
#: Fixed-point iterations that invert the warp at a point.
STEPS = 30

Pictures = NDArray[np.uint8]
Points = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """Augmentation of all frames of one excerpt.

    warp: displacement [2, P, P], x then y, in fractions of the picture, from each pixel to where it is sampled. color:
    matrix [3, 3]; offset: [3] in 0..1. light: relative brightness gained over half the picture, to the right and down.
    softness: factor by which pictures are downscaled and upscaled again. noise: standard deviation in 0..1, drawn from
    the seed.
    """

    warp: Tensor
    color: Tensor = field(default_factory=lambda: torch.eye(3))
    offset: Tensor = field(default_factory=lambda: torch.zeros(3))
    gamma: float = 1.0
    light: tuple[float, float] = (0.0, 0.0)
    softness: float = 1.0
    noise: float = 0.0
    seed: int = 0

    @classmethod
    def none(cls, side: int) -> Self:
        """The identity."""
        return cls(warp=torch.zeros(2, side, side))

    @classmethod
    def draw(cls, rng: np.random.Generator, side: int) -> Self:
        """A random augmentation of pictures of side x side."""
        if rng.random() < PLAIN:
            return cls.none(side)
        warp = torch.from_numpy(_affine(rng, side) + _smooth(rng, side)).float()
        return replace(
            cls.draw_colors(rng, side),
            warp=warp,
            softness=1 + rng.random() if rng.random() < SOFT else 1.0,
            noise=MOST_NOISE * rng.random() if rng.random() < NOISY else 0.0,
            seed=int(rng.integers(2**31)),
        )

    @classmethod
    def draw_colors(cls, rng: np.random.Generator, side: int) -> Self:
        """A random change of colours and light alone: every pixel keeps its place and its detail."""
        gains = 1 + GAIN * (rng.standard_normal() + rng.standard_normal(3) / 2)
        color = np.diag(gains) + MIX * rng.standard_normal((3, 3))
        return cls(
            warp=torch.zeros(2, side, side),
            color=torch.from_numpy(color).float(),
            offset=torch.from_numpy(OFFSET * rng.standard_normal(3)).float(),
            gamma=math.exp(GAMMA * rng.standard_normal()),
            light=(LIGHT * rng.standard_normal(), LIGHT * rng.standard_normal()),
        )

    def pictures(self, pixels: Pictures) -> Pictures:
        """Augment frames uint8 [T, P, P, 3]."""
        x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
        side = x.shape[-1]
        if self.warp.any():
            positions = _centers(side) + self.warp.movedim(0, -1)  # [P, P, 2]
            grid = (2 * positions - 1).expand(len(x), -1, -1, -1)
            x = F.grid_sample(x, grid, mode="bicubic", padding_mode="border", align_corners=False).clamp(0, 1)
        if self.softness > 1:
            small = round(side / self.softness)
            x = F.interpolate(x, size=(small, small), mode="area")
            x = F.interpolate(x, size=(side, side), mode="bilinear", align_corners=False)
        x = torch.einsum("oc,tcyx->toyx", self.color, x.pow(self.gamma)) + self.offset.view(3, 1, 1)
        across = torch.linspace(-1, 1, side)
        x = x * (1 + self.light[0] * across + self.light[1] * across[:, None])
        if self.noise:
            x = x + self.noise * torch.randn(x.shape, generator=torch.Generator().manual_seed(self.seed))
        changed: Pictures = (x.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
        return changed

    def points(self, points: Points) -> Points:
        """Augmented positions of points [..., 2], in fractions of the picture; NaN stays NaN."""
        wanted = torch.from_numpy(points.reshape(1, -1, 1, 2))
        moved = wanted
        for _ in range(STEPS):  # the position p with p + warp(p) = the original point
            read = F.grid_sample(
                self.warp[None], 2 * moved.nan_to_num() - 1, mode="bilinear", padding_mode="border", align_corners=False
            )
            moved = wanted - read.movedim(1, -1)
        result: Points = moved.numpy().reshape(points.shape).astype(np.float32)
        return result


def _centers(side: int) -> Tensor:
    """Centres of pixels in fractions of the picture [P, P, 2], x then y."""
    line = (torch.arange(side) + 0.5) / side
    return torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)


def _affine(rng: np.random.Generator, side: int) -> NDArray[np.float64]:
    """Displacement [2, side, side] of a random affine map around the middle."""
    roll, aspect = math.radians(ROLL) * rng.standard_normal(), ASPECT * rng.standard_normal()
    size = math.exp(SCALE * rng.standard_normal())
    turn = np.array([[math.cos(roll), -math.sin(roll)], [math.sin(roll), math.cos(roll)]])
    shape = np.array([[math.exp(aspect), SHEAR * rng.standard_normal()], [0.0, math.exp(-aspect)]])
    positions = _centers(side).numpy().astype(np.float64) - 0.5
    moved = positions @ (size * turn @ shape).T + SHIFT * rng.standard_normal(2)
    return np.moveaxis(moved - positions, -1, 0)


def _smooth(rng: np.random.Generator, side: int) -> NDArray[np.float64]:
    """A smooth random displacement [2, side, side]."""
    grid = torch.from_numpy(WARP * rng.standard_normal((1, 2, GRID, GRID)))
    field: NDArray[np.float64] = F.interpolate(grid, size=(side, side), mode="bicubic", align_corners=True)[0].numpy()
    return field
