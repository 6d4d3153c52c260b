"""Points of a face that move, as a flow. In: where points are, how far they moved. Out: flow and cover for anchor.py.

A network that has to learn where lips lie in the picture, and that they move with some codes, takes long to find both;
points say it outright, and what remains for it is hair, shoulders and what the points get wrong.

    mean of the movement of the points around each place  -> what a face and its surroundings do together
    what that misses at the points, interpolated           -> lips and lids, which move against each other
"""

import torch
from torch import Tensor

#: How far a point's movement reaches in the mean, as a fraction of the picture, and how much it counts there: the
#: nearest point counts most, since a wider mean has lips and lids a few pixels apart stand still. Around the face the
#: mean is as wide as the distances of points there need not to show in the outline; hair and neck go with the face.
REACHES = ((0.008, 1.0), (0.02, 0.01), (0.045, 0.004), (0.09, 0.0002))
#: Sum of weights at which the movement is half believed.
HALF = 0.003
#: The same of the interpolation, which is that of a Gaussian process: reach and variance of the parts of its
#: covariance, and the share of the variance that is taken for error of the points. On eight clips and
#: with a share of 0.02, mouth and eyes opened and shut by 0.65 and 0.39 of what they should, where the mean alone had
#: 0.52 and 0.22; a larger share costs a little of that, and rounding matters less.
KERNEL, ERROR = ((0.012, 0.3), (0.03, 0.5), (0.09, 0.5)), 0.1
#: Steps of the solution, after which no flow of a face is a quarter of a pixel off; what keeps zero by zero finite.
STEPS, TINY = 40, 1e-20


def dense_flow(points: Tensor, moved: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The movement of the points around each place of a grid, fading to zero away from them.

    points: [B, T, L, 2] in each frame, x then y as fractions of the picture; moved: [B, T, L, 2] since the content, in
    the same unit. Returns the flow back to the content [B, T, 2, size, size] in pixels of the grid, and how much of it
    is known [B, T, 1, size, size] in 0..1.
    """
    with torch.autocast(points.device.type, enabled=False):  # the interpolation adds large numbers of either sign
        points, back = points.float(), -moved.float() * size
        values = torch.cat([back, torch.ones_like(back[..., :1])], -1)  # [B, T, L, 3]
        sums = _spread(points, values, size, REACHES)
        weight = sums[:, :, 2:]
        squared = (points[..., :, None, :] - points[..., None, :, :]).square().sum(-1)  # [B, T, L, L]
        near = _kernel(squared, REACHES)
        missed = back - near @ back / (near.sum(-1, keepdim=True) + HALF)
        error = ERROR * sum(share for _, share in KERNEL) * torch.eye(points.shape[-2], device=points.device)
        weights = _solve(_kernel(squared, KERNEL) + error, missed)  # [B, T, L, 2]
        flow = sums[:, :, :2] / (weight + HALF) + _spread(points, weights, size, KERNEL)
        return flow, weight / (weight + HALF)


def _solve(matrix: Tensor, wanted: Tensor) -> Tensor:
    """x with matrix x = wanted, [..., L, L] and [..., L, C], nearly: conjugate gradients, stopped early.

    Nothing but products, which run alike on every device: the solver of LAPACK once never came back in a process of a
    pool. What early stopping leaves out is what errors of the points would add.
    """
    # Rounding grows with every step: in single precision, frames would differ with who shares their batch.
    exact = torch.float32 if wanted.device.type == "mps" else torch.float64  # Metal has no other
    kind, matrix, wanted = wanted.dtype, matrix.to(exact), wanted.to(exact)
    found = torch.zeros_like(wanted)
    rest = direction = wanted
    size = rest.square().sum(-2, keepdim=True)  # [..., 1, C]
    for _ in range(STEPS):
        image = matrix @ direction
        step = size / (direction * image).sum(-2, keepdim=True).clamp(min=TINY)
        found, rest = found + step * direction, rest - step * image
        before, size = size, rest.square().sum(-2, keepdim=True)
        direction = rest + size / before.clamp(min=TINY) * direction
    return found.to(kind)


def _kernel(squared: Tensor, parts: tuple[tuple[float, float], ...]) -> Tensor:
    """The sum of Gaussians of squared distances."""
    return torch.stack([share * torch.exp(-squared / (2 * reach**2)) for reach, share in parts]).sum(0)


def _spread(points: Tensor, values: Tensor, size: int, parts: tuple[tuple[float, float], ...]) -> Tensor:
    """Values [B, T, L, C] at points, weighted by the sum of Gaussians, summed: [B, T, C, size, size]."""
    grid = (torch.arange(size, device=points.device) + 0.5) / size
    sums = points.new_zeros(*points.shape[:2], values.shape[-1], size, size)
    for reach, share in parts:
        # A Gaussian is the product of one in x and one in y, so all of them together are a product of two matrices.
        across, down = (torch.exp(-((grid - points[..., axis, None]) ** 2) / (2 * reach**2)) for axis in (0, 1))
        sums = sums + share * torch.einsum("btlc,btly,btlx->btcyx", values, down, across)
    return sums
