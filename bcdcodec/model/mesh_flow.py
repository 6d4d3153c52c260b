"""Piecewise affine flow over the triangles of the face mesh, rasterised in the pose of each frame."""

from functools import cache
from importlib import resources

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, library
from torch.nn import functional as F

#: Landmarks of the mesh whose triangles are known; other sets have the corrections alone.
MESH_LANDMARKS = 478
#: Pixels of the grid over which the flow of the triangles fades in from the border of what they cover.
FADE = 2
#: Triangles of less area or of a longer side, in pixels of the grid, are not drawn: the first have no slope, and
#: the limit of the second bounds the memory for hostile positions.
MIN_AREA, MAX_SPAN = 1e-3, 64
#: Frames that are rasterised together.
FRAMES_AT_ONCE = 16
#: Barycentric coordinate from which a pixel counts as inside: no gaps between neighbours.
INSIDE = -1e-4


@cache
def triangles() -> NDArray[np.int64]:
    """Landmarks of the mesh's triangles [M, 3], clockwise on screen, those that lie in front last.

    Delaunay over a mean frontal mesh, without the openings of mouth and eyes: there the flow stays smooth, so that
    irises move. Order: by distance from the tip of the nose, from far to near. An array, because a cached tensor that
    was made in inference mode could not be used in training.
    """
    with resources.files("bcdcodec").joinpath("model", "triangles.npy").open("rb") as file:
        return np.load(file, allow_pickle=False).astype(np.int64)


def triangle_areas(positions: Tensor) -> Tensor:
    """Twice the signed area of each triangle [N, M], positive as seen from the front; positions: [N, L, 2]."""
    return _area(*_sides(positions[:, torch.from_numpy(triangles()).to(positions.device)]))


def mesh_flow(positions: Tensor, backward: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Piecewise affine flow [N, 2, size, size], 0 outside the triangles, and what they cover [N, 1, size, size].

    positions: [N, L, 2] and backward: flow at them [N, L, 2], both in pixels of the grid.
    """
    mesh = torch.from_numpy(triangles()).to(positions.device)
    seen = triangle_areas(positions + backward) > MIN_AREA  # what the content hides has no picture
    shown = rasterize(positions, mesh, seen, size)  # [N, size * size]
    covered = (shown >= 0)[..., None]
    corners, values = positions[:, mesh], backward[:, mesh]  # [N, M, 3, 2]
    (first, second), (rise1, rise2) = _sides(corners), _sides(values)
    area = _area(first, second)[..., None]
    area = torch.where(area > MIN_AREA, area, torch.ones_like(area))  # the others are not drawn
    slope_x = (rise1 * second[..., 1:] - rise2 * first[..., 1:]) / area
    slope_y = (rise2 * first[..., :1] - rise1 * second[..., :1]) / area
    origin = values[:, :, 0] - slope_x * corners[:, :, 0, :1] - slope_y * corners[:, :, 0, 1:]
    affine = torch.cat([origin, slope_x, slope_y], -1)  # [N, M, 6]
    origin, slope_x, slope_y = affine.gather(1, shown.clamp(min=0)[..., None].expand(-1, -1, 6)).split(2, -1)
    cells = torch.arange(size, device=positions.device) + 0.5
    flow = origin + slope_x * cells.repeat(size)[:, None] + slope_y * cells.repeat_interleave(size)[:, None]
    flow = torch.where(covered, flow, torch.zeros_like(flow))
    return _grid(flow, size), _grid(covered.float(), size)


# An operator of its own: the numbers of triangles of each size are data, which fake tensors and meta tensors lack.
@library.custom_op("bcdcodec::rasterize", mutates_args=())
def rasterize(positions: Tensor, mesh: Tensor, drawn: Tensor, size: int) -> Tensor:
    """Triangle over the centre of every pixel [N, size * size], the last of the list where several are, else -1.

    positions: [N, L, 2] in pixels; mesh: [M, 3]; drawn: bool [N, M]. Triangles of negative area, seen from behind, are
    not drawn. The result does not depend on the order of execution.
    """
    if len(positions) > FRAMES_AT_ONCE:  # bounds the memory for hostile positions
        parts = zip(positions.split(FRAMES_AT_ONCE), drawn.split(FRAMES_AT_ONCE), strict=True)
        return torch.cat([rasterize(some, mesh, wanted, size) for some, wanted in parts])
    corners = positions[:, mesh]
    low, high = corners.amin(2), corners.amax(2)
    start = (low - 0.5).ceil().clamp(0, size)
    span = ((high - 0.5).floor().clamp(-1, size - 1) - start).amax(-1) + 1  # pixels a side whose centres may be inside
    first, second = _sides(corners)
    area = _area(first, second)
    drawn = drawn & (area > MIN_AREA) & (span > 0) & ((high - low).amax(-1) <= MAX_SPAN)
    shown = positions.new_full((len(positions) * size * size,), -1, dtype=torch.long)
    window, smaller = 2, 0
    while smaller < MAX_SPAN:  # triangles of about one size at a time, each over a square window of pixels
        n, m = (drawn & (span > smaller) & (span <= window)).nonzero(as_tuple=True)  # [K]
        if len(n):
            a, b, scale = first[n, m], second[n, m], 1 / area[n, m]
            pixels = start[n, m][:, None] + torch.arange(window, device=positions.device)[:, None]  # [K, window, 2]
            x, y = (pixels + 0.5 - corners[n, m, :1]).unbind(-1)
            a, b = a * scale[:, None], b * scale[:, None]
            u = (x * b[:, 1:])[:, None] - (y * b[:, :1])[:, :, None]  # [K, window, window], rows then columns
            v = (y * a[:, :1])[:, :, None] - (x * a[:, 1:])[:, None]
            within = pixels < size  # [K, window, 2]
            inside = torch.minimum(torch.minimum(u, v), 1 - u - v) >= INSIDE
            inside &= within[:, None, :, 0] & within[:, :, None, 1]
            cell = pixels.long()
            at = (n * size * size)[:, None, None] + cell[:, :, None, 1] * size + cell[:, None, :, 0]
            shown.scatter_reduce_(0, at[inside], m[:, None, None].expand_as(at)[inside], "amax")
        smaller, window = window, 2 * window
    return shown.view(len(positions), -1)


@rasterize.register_fake
def _rasterized_shape(positions: Tensor, mesh: Tensor, drawn: Tensor, size: int) -> Tensor:
    return positions.new_empty((len(positions), size * size), dtype=torch.long)


def _sides(corners: Tensor) -> tuple[Tensor, Tensor]:
    """From the first corner of triangles [N, M, 3, C] to the second and to the third, [N, M, C] each."""
    return corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0]


def _area(first: Tensor, second: Tensor) -> Tensor:
    """Twice the signed area between sides [N, M, 2]: [N, M]."""
    return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]


def _grid(values: Tensor, size: int) -> Tensor:
    """Values of pixels [N, size * size, C] as a grid [N, C, size, size]."""
    return values.transpose(1, 2).unflatten(-1, (size, size))


def fade(covered: Tensor) -> Tensor:
    """Weight of the triangles [N, 1, S, S]: 0 at the border of what they cover, 1 from FADE pixels inside."""
    share = F.avg_pool2d(covered, 2 * FADE + 1, 1, FADE, count_include_pad=False)
    share = F.avg_pool2d(share, 3, 1, 1, count_include_pad=False)
    return covered * (2 * share - 1).clamp(0, 1)
