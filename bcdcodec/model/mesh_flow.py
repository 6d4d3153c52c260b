"""Piecewise affine flow over the triangles of the face mesh, rasterised in the pose of each frame."""

from functools import reduce

import torch
from torch import Tensor, library
from torch.nn import functional as F

from bcdcodec.model.triangles import triangles

#: Landmarks of the mesh whose triangles are known; other sets have the corrections alone.
MESH_LANDMARKS = 478
#: Pixels of the grid over which the flow of the triangles fades in from the border of what they cover.
FADE = 2
#: Triangles of less area or of a longer side, in pixels of the grid, are not drawn: the first have no slope, and
#: the limit of the second bounds the memory for hostile positions.
MIN_AREA, MAX_SPAN = 1e-3, 64
#: Frames that are rasterised together, and pixels of boxes of triangles that are looked at together.
FRAMES_AT_ONCE, PIXELS_AT_ONCE = 16, 1 << 22
#: Barycentric coordinate from which a pixel counts as inside: no gaps between neighbours.
INSIDE = -1e-4


def triangle_areas(positions: Tensor) -> Tensor:
    """Twice the signed area of each triangle [N, M], positive as seen from the front; positions: [N, L, 2]."""
    return _area(*_sides(positions[:, torch.from_numpy(triangles()).to(positions.device)]))


def mesh_flow(positions: Tensor, backward: Tensor, size: int, shown: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Piecewise affine flow [N, 2, size, size], 0 outside the triangles, and what they cover [N, 1, size, size].

    positions: [N, L, 2] and backward: flow at them [N, L, 2], both in pixels of the grid. shown: triangle over each
    pixel as of `rasterize` [N, size * size], given to an exported graph, which cannot find it; None: found here.
    """
    mesh = torch.from_numpy(triangles()).to(positions.device)
    if shown is None:
        seen = triangle_areas(positions + backward) > MIN_AREA  # what the content hides has no picture
        shown = rasterize(positions, mesh, seen, size)  # [N, size * size]
    corners, values = positions[:, mesh], backward[:, mesh]  # [N, M, 3, 2]
    (first, second), (rise1, rise2) = _sides(corners), _sides(values)
    area = _area(first, second)[..., None]
    area = torch.where(area > MIN_AREA, area, 1.0)  # the others are not drawn
    slope_x = (rise1 * second[..., 1:] - rise2 * first[..., 1:]) / area
    slope_y = (rise2 * first[..., :1] - rise1 * second[..., :1]) / area
    origin = values[:, :, 0] - slope_x * corners[:, :, 0, :1] - slope_y * corners[:, :, 0, 1:]
    affine = torch.cat([origin, slope_x, slope_y], -1)  # [N, M, 6]
    first_row = len(mesh) * torch.arange(affine.shape[0], device=affine.device)[:, None]
    shown_rows = (shown.clamp(min=0) + first_row).flatten()
    # Component by component: planes of memory in order are several times as fast as rows of six numbers.
    planes = affine.flatten(0, 1).T.contiguous()
    origins, slopes_x, slopes_y = (
        torch.stack([plane.index_select(0, shown_rows).view(-1, size, size) for plane in pair], 1)
        for pair in planes.split(2)
    )
    cells = torch.arange(size, device=positions.device) + 0.5
    flow = origins + slopes_x * cells + slopes_y * cells[:, None]
    covered = (shown >= 0).view(-1, 1, size, size)
    return torch.where(covered, flow, 0.0), covered.float()


def rasterize(positions: Tensor, mesh: Tensor, drawn: Tensor, size: int) -> Tensor:
    """Triangle over the centre of every pixel [N, size * size], the last of the list where several are, else -1.

    positions: [N, L, 2] in pixels; mesh: [M, 3]; drawn: bool [N, M]. Triangles of negative area, seen from behind, are
    not drawn. The result does not depend on the order of execution.
    """
    shown: Tensor = torch.ops.bcdcodec.rasterize(positions, mesh, drawn, size)
    return shown


# An operator of its own: the numbers of triangles and pixels are data, which fake tensors and meta tensors lack. Not
# by `library.custom_op`, whose first call imports the compiler of torch for two seconds.
_OPERATORS = library.Library("bcdcodec", "DEF")
_OPERATORS.define("rasterize(Tensor positions, Tensor mesh, Tensor drawn, int size) -> Tensor")


@library.impl(_OPERATORS, "rasterize", "CompositeExplicitAutograd")
def _rasterized(positions: Tensor, mesh: Tensor, drawn: Tensor, size: int) -> Tensor:
    if len(positions) > FRAMES_AT_ONCE:  # bounds the memory for hostile positions
        batches = zip(positions.split(FRAMES_AT_ONCE), drawn.split(FRAMES_AT_ONCE), strict=True)
        return torch.cat([_rasterized(some, mesh, wanted, size) for some, wanted in batches])
    corners = positions[:, mesh]
    low, high = corners.amin(2), corners.amax(2)
    start = (low - 0.5).ceil().clamp(0, size)
    spans = ((high - 0.5).floor().clamp(-1, size - 1) - start + 1).long()  # pixels whose centres may be inside
    area = _area(*_sides(corners))
    drawn = drawn & (area > MIN_AREA) & (spans > 0).all(-1) & ((high - low).amax(-1) <= MAX_SPAN)
    shown = positions.new_full((len(positions) * size * size,), -1, dtype=torch.long)
    n, m = drawn.nonzero(as_tuple=True)
    counts = spans[n, m].prod(-1)
    parts = counts.cumsum(0) // PIXELS_AT_ONCE
    for part in range(int(parts[-1]) + 1 if len(n) else 0):  # bounds the memory for hostile positions
        chosen = parts == part
        _draw(shown, n[chosen], m[chosen], corners[n[chosen], m[chosen]], spans[n[chosen], m[chosen]], size)
    return shown.view(len(positions), -1)


def _draw(shown: Tensor, n: Tensor, m: Tensor, corners: Tensor, spans: Tensor, size: int) -> None:
    """Note triangles m [K] of frames n [K] at the pixels that they cover, flat in `shown`, the largest of the numbers.

    corners: [K, 3, 2]; spans: pixels of their bounding boxes along x and y [K, 2], 1 at least.
    """
    (first, second), start = _sides(corners), (corners.amin(1) - 0.5).ceil().clamp(0, size)
    scale = 1 / _area(first, second)
    # Barycentric coordinates u and v are linear in the column and the row of a pixel in the triangle's box.
    inner = start + 0.5 - corners[:, 0]
    columns = torch.stack([second[:, 1] * scale, -first[:, 1] * scale], 1)
    rows = torch.stack([-second[:, 0] * scale, first[:, 0] * scale], 1)
    starts = inner[:, :1] * columns + inner[:, 1:] * rows
    slopes = torch.cat([starts, columns, rows], 1)
    counts = spans.prod(-1)
    cell = (n * size + start[:, 1].long()) * size + start[:, 0].long()
    facts = torch.stack([cell, counts.cumsum(0) - counts, spans[:, 0], m], 1)
    which = torch.repeat_interleave(counts)  # triangle of each pixel
    cell, before, width, triangle = facts.index_select(0, which).unbind(1)
    number = torch.arange(len(which), device=which.device) - before
    row = number // width
    column = number - row * width
    u, v, u_column, v_column, u_row, v_row = slopes.index_select(0, which).unbind(1)
    u, v = u + u_column * column + u_row * row, v + v_column * column + v_row * row
    inside = torch.minimum(torch.minimum(u, v), 1 - u - v) >= INSIDE
    shown.scatter_reduce_(0, cell + row * size + column, torch.where(inside, triangle, -1), "amax")


@library.register_fake("bcdcodec::rasterize", lib=_OPERATORS)  # type: ignore[untyped-decorator]
def _rasterized_shape(positions: Tensor, mesh: Tensor, drawn: Tensor, size: int) -> Tensor:
    return positions.new_empty((len(positions), size * size), dtype=torch.long)


def _sides(corners: Tensor) -> tuple[Tensor, Tensor]:
    """From the first corner of triangles [..., 3, C] to the second and to the third, [..., C] each."""
    return corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :]


def _area(first: Tensor, second: Tensor) -> Tensor:
    """Twice the signed area between sides [..., 2]: [...]."""
    return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]


def fade(covered: Tensor) -> Tensor:
    """Weight of the triangles [N, 1, S, S]: 0 at the border of what they cover, 1 from FADE pixels inside."""
    share = box_mean(box_mean(covered, FADE), 1)
    return covered * (2 * share - 1).clamp(0, 1)


def box_mean(grid: Tensor, reach: int) -> Tensor:
    """Mean of the square around each cell of [N, 1, S, S]; outside the grid is nothing."""
    for dim in (-1, -2):
        padded = F.pad(grid, (reach, reach, 0, 0) if dim == -1 else (0, 0, reach, reach))
        shifted = (padded.narrow(dim, step, grid.shape[dim]) for step in range(2 * reach + 1))
        grid = reduce(torch.add, shifted)
    cells = torch.arange(grid.shape[-1], device=grid.device)
    counts = (cells + reach).clamp(max=len(cells) - 1) - (cells - reach).clamp(min=0) + 1
    return grid / (counts * counts[:, None])
