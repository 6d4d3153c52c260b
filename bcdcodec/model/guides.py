"""What the denoiser of pictures is shown of each frame: the warp, the still that it was made from, and the face.

still                       -> backgrounds, which do not move with a head
still warped by the flow    -> the first guess of the frame
Jacobian of the flow        -> where the warp is stretched thin, and where it folds
landmarks of frame and still -> where lips, lids and irises are, and what the still hid of them
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from bcdcodec.model.landmarks import ABSENT
from bcdcodec.model.lids import CORNERS, LOWER, UPPER
from bcdcodec.model.mesh_flow import MESH_LANDMARKS

#: Landmarks of the lips in the mesh.
LIPS = (
    *(0, 13, 14, 17, 37, 39, 40, 61, 78, 80, 81, 82, 84, 87, 88, 91, 95, 146, 178, 181, 185, 191),
    *(267, 269, 270, 291, 308, 310, 311, 312, 314, 317, 318, 321, 324, 375, 402, 405, 409, 415),
)
#: Edges of the lids, corners and irises of both eyes.
EYES = (*UPPER[0], *UPPER[1], *LOWER[0], *LOWER[1], *CORNERS[0], *CORNERS[1], *range(468, MESH_LANDMARKS))
#: Planes of the raster of one face: lips, eyes, and all other landmarks.
FACE_PLANES = 3
#: The rasters have a grid of half the picture's side.
RASTER_SCALE = 2


@dataclass(frozen=True, slots=True)
class Guides:
    """Guides of N frames, each from one reference.

    warps: the reference warped to the frame [N, 3, P, P]; stills: the reference as it is [N, 3, P, P], both in
    [-1, 1]; areas: pixels of the still that a pixel of the frame was made from, less 1 [N, 1, P, P], in [-1, 1];
    rasters: landmarks of the frame and of the still [N, 6, P/2, P/2], in [0, 1]; motion: code vectors [N, G*D].
    """

    warps: Tensor
    stills: Tensor
    areas: Tensor
    rasters: Tensor
    motion: Tensor

    @classmethod
    def of_clips(
        cls, warps: Tensor, stills: Tensor, areas: Tensor, points: Tensor, still_points: Tensor, motion: Tensor
    ) -> "Guides":
        """Guides of the T frames of B clips, each from the still of its clip; N is B * T.

        warps: [B, T, 3, P, P]; stills: [B, 3, P, P]; areas: [B, T, 1, P, P]; points [B, T, L, 2] and still_points
        [B, L, 2]: landmarks as fractions of the picture; motion: [B, T, G*D].
        """
        frames, size = warps.shape[1], warps.shape[-1] // RASTER_SCALE
        rasters = face_rasters(points.flatten(0, 1), size), face_rasters(still_points, size)
        return cls(
            warps.flatten(0, 1),
            stills.repeat_interleave(frames, 0),
            areas.flatten(0, 1),
            torch.cat([rasters[0], rasters[1].repeat_interleave(frames, 0)], 1),
            motion.flatten(0, 1),
        )


def face_rasters(landmarks: Tensor, size: int) -> Tensor:
    """Landmarks as points on a grid, lips, eyes and others apart: [N, L, 2] -> [N, FACE_PLANES, size, size].

    landmarks: x then y, as fractions of the picture; those outside it, and NaN, are left out. A point is spread over
    the four cells around it. Zero for other landmarks than those of the mesh.
    """
    n, count = landmarks.shape[:2]
    raster = landmarks.new_zeros(n * FACE_PLANES * size * size)
    if count == MESH_LANDMARKS:
        plane = torch.full((count,), 2, device=landmarks.device)
        plane[list(LIPS)], plane[list(EYES)] = 0, 1
        first = (torch.arange(n, device=landmarks.device)[:, None] * FACE_PLANES + plane) * size  # [N, L]
        at = (landmarks.nan_to_num(ABSENT).clamp(-ABSENT, ABSENT) * size - 0.5).float()
        low = at.floor()
        for step_x, step_y in ((0, 0), (0, 1), (1, 0), (1, 1)):
            cell = low + low.new_tensor([step_x, step_y])
            inside = ((cell >= 0) & (cell < size)).all(-1)
            weight = torch.where(inside, (1 - (at - cell).abs()).prod(-1), 0.0)
            column, row = cell.clamp(0, size - 1).long().unbind(-1)
            raster.index_add_(0, ((first + row) * size + column).flatten(), weight.flatten().to(raster.dtype))
    return raster.view(n, FACE_PLANES, size, size).clamp(max=1)


def area_changes(flow: Tensor) -> Tensor:
    """Determinant of the Jacobian of x -> x + flow(x), less 1, clipped to [-1, 1]: [N, 2, P, P] -> [N, 1, P, P].

    0: the reference's own scale; below: stretched; -1: folded, or one pixel smeared.
    """
    down, across = _slope(flow, 2), _slope(flow, 3)
    area = (1 + across[:, :1]) * (1 + down[:, 1:]) - across[:, 1:] * down[:, :1]
    return (area - 1).clamp(-1, 1)


def _slope(grid: Tensor, dim: int) -> Tensor:
    """`torch.gradient` along one axis, of operations that an exported graph has: central differences, one-sided ones
    at the borders.
    """
    last = grid.shape[dim] - 1
    inner = (grid.narrow(dim, 2, last - 1) - grid.narrow(dim, 0, last - 1)) / 2
    first, end = (grid.narrow(dim, at + 1, 1) - grid.narrow(dim, at, 1) for at in (0, last - 1))
    return torch.cat([first, inner, end], dim)
