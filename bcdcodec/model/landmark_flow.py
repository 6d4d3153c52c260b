"""Dense optical flow from the displacements of sparse face landmarks: smooth by successive corrections, piecewise
affine inside the face.

A network takes long to learn both where lips lie in the picture and which codes move them. Landmarks give both
explicitly; what remains for the network (model/warp.py) is hair, shoulders and the errors of the landmarks.

    points between the landmarks of the contour           -> a closed line, so that outlines keep straight
    weighted mean of the landmarks around each pixel      -> common motion of the face and its surroundings
    residual at the landmarks -> weighted mean of it, added, three times from wide to narrow
                                                          -> contour, lips, irises
    inside the triangles of the face mesh (model/mesh_flow.py): affine motion
                                                          -> lids that shut, lips that meet, cheeks that hide behind
                                                             the nose, where a smooth flow would fold
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from bcdcodec.model.device import without_autocast
from bcdcodec.model.enlarge import enlarge
from bcdcodec.model.mesh_flow import MESH_LANDMARKS, fade, mesh_flow

#: A sum of isotropic Gaussians: standard deviation, as a fraction of the picture's side, and weight of each.
Gaussians = tuple[tuple[float, float], ...]

#: Kernel of the weighted mean. The narrowest Gaussian dominates: a wider mean would average lips and eyelids, which are
#: a few pixels apart and move against each other, to no motion. The wide ones bridge the gaps between landmarks of the
#: cheeks, so that the mesh does not show in the face's contour, and carry hair and neck along.
MEAN_KERNEL: Gaussians = ((0.008, 1.0), (0.02, 0.01), (0.045, 0.004), (0.09, 0.0002))
#: Sum of kernel weights at which the confidence in the mean is one half.
HALF_CONFIDENCE_WEIGHT = 0.003
#: Corrections in their order: standard deviation of their Gaussian, and the sum of its weights at which half of the
#: mean residual is added. The wide ones continue the motion of the contour outwards.
CORRECTIONS: Gaussians = ((0.045, 0.03), (0.03, 0.05), (0.008, 0.3))
#: A Gaussian is summed on a grid so coarse that its standard deviation is at least this many cells, and the sum is
#: interpolated: a fraction of the products. Later corrections take up the error that is left at the landmarks.
MIN_CELLS, MIN_SIDE = 1.9, 16
#: The smooth flow has a grid of half the side: the triangles alone change from pixel to pixel.
SMOOTH_SCALE = 2
#: Contour of the face in the mesh, clockwise on screen from the top of the forehead.
CONTOUR = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
#: Points put evenly between neighbours of the contour. Beyond it nothing but these holds the flow: with gaps as wide as
#: the narrow Gaussians, cheeks and hair got an outline of beads, one for each landmark.
CONTOUR_POINTS = 2
#: Denormal factors would slow the products down several times; e^-30 squared is far from them and as good as zero.
LEAST_EXPONENT = -30.0


def dense_flow(
    landmarks: Tensor, displacements: Tensor, size: int, shown: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Backward flow on a grid from the displacements of landmarks, fading to zero away from them.

    landmarks: positions in each frame [B, T, L, 2], x then y, as fractions of the picture; displacements: since the
    content's frame [B, T, L, 2], in the same unit; size: side of the grid, even; shown: as of `mesh_flow`, [B * T,
    size * size]. Returns the flow back to the content [B, T, 2, size, size] in pixels of the grid, and the confidence
    in it [B, T, 1, size, size] in 0..1.
    """
    with without_autocast(landmarks.device):  # half precision would round the residuals away
        batch = landmarks.shape[0]  # frames are left open, which an exported graph has any number of
        positions = landmarks.float().flatten(0, 1)  # [N, L, 2]
        backward = -displacements.float().flatten(0, 1) * size
        known = positions, backward / SMOOTH_SCALE
        if landmarks.shape[-2] == MESH_LANDMARKS:
            known = with_contour(known[0]), with_contour(known[1])
        smooth, confidence = smooth_flow(*known, size // SMOOTH_SCALE)
        flow, confidence = (
            enlarge(SMOOTH_SCALE * smooth, size, "bicubic"),
            enlarge(confidence, size, "bicubic").clamp(0, 1),
        )
        if landmarks.shape[-2] == MESH_LANDMARKS:
            affine, covered = mesh_flow(positions * size, backward, size, shown)
            flow = flow + fade(covered) * (affine - flow)
        return flow.unflatten(0, (batch, -1)), confidence.unflatten(0, (batch, -1))


def with_contour(values: Tensor) -> Tensor:
    """Values at the landmarks [N, L, 2], and at CONTOUR_POINTS between each two neighbours of the contour."""
    here = values[:, list(CONTOUR)]
    after = here.roll(-1, 1)
    shares = [point / (CONTOUR_POINTS + 1) for point in range(1, CONTOUR_POINTS + 1)]
    return torch.cat([values, *(here + share * (after - here) for share in shares)], 1)


def smooth_flow(positions: Tensor, backward: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Flow [N, 2, size, size] and confidence [N, 1, size, size] by weighted means.

    positions: [N, L, 2], fractions; backward: flow at them [N, L, 2], pixels of the grid.
    """
    values = F.pad(backward, (0, 1), value=1.0)  # [N, L, 3]
    splats = {sigma: _Splat(positions, sigma, size) for sigma in dict(MEAN_KERNEL + CORRECTIONS)}
    weights = {sigma: splats[sigma](values[..., 2:]) for sigma, _ in CORRECTIONS if sigma not in dict(MEAN_KERNEL)}
    sums: Tensor | None = None
    for sigma, share in sorted(MEAN_KERNEL, reverse=True):  # from the coarsest grid to the finest
        level = splats[sigma](share * values)
        weights[sigma] = level[:, 2:] / share
        sums = level if sums is None else level + enlarge(sums, level.shape[-1], "bicubic")
    assert sums is not None, "the kernel has Gaussians"
    sums = enlarge(sums, size, "bicubic")
    weight = sums[:, 2:]
    flow = sums[:, :2] / (weight + HALF_CONFIDENCE_WEIGHT)
    for sigma, half in CORRECTIONS:
        left = splats[sigma](backward - _sample(flow, positions))
        flow = flow + enlarge(left / (weights[sigma] + half), size, "bicubic")
    return flow, weight / (weight + HALF_CONFIDENCE_WEIGHT)


class _Splat:
    """A Gaussian around positions [N, L, 2], on the coarsest grid, halved from `size`, that resolves it."""

    def __init__(self, positions: Tensor, sigma: float, size: int) -> None:
        while size % 2 == 0 and size // 2 >= MIN_SIDE and sigma * (size // 2) >= MIN_CELLS:
            size //= 2
        grid = (torch.arange(size, device=positions.device) + 0.5) / size
        exponents = (positions[..., None] - grid).square() * (-0.5 / sigma**2)  # [N, L, 2, side]
        factors = exponents.clamp(min=LEAST_EXPONENT).exp()
        self._across, self._down = factors[:, :, 0], factors[:, :, 1].transpose(1, 2)

    def __call__(self, values: Tensor) -> Tensor:
        """Values [N, L, C] at the positions, each spread over the grid and summed: [N, C, side, side]."""
        # A 2-D Gaussian is the product of one in x and one in y, so the sum over landmarks is a product of matrices.
        rows = values.transpose(1, 2)[:, :, None] * self._down[:, None]  # [N, C, side, L]
        return torch.bmm(rows.flatten(1, 2), self._across).unflatten(1, (values.shape[-1], -1))


def _sample(flow: Tensor, positions: Tensor) -> Tensor:
    """Flow [N, 2, S, S] at positions [N, L, 2], interpolated linearly: [N, L, 2]."""
    at = (2 * positions - 1)[:, :, None]
    found = F.grid_sample(flow, at, mode="bilinear", padding_mode="border", align_corners=False)  # [N, 2, L, 1]
    return found[..., 0].transpose(1, 2)
