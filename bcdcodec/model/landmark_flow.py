"""Dense optical flow from the displacements of sparse face landmarks, by a weighted mean and a Gaussian process.

A network takes long to learn both where lips lie in the picture and which codes move them. Landmarks give both
explicitly; what remains for the network (model/warp.py) is hair, shoulders and the errors of the landmarks.

    weighted mean of the landmarks around each pixel       -> common motion of the face and its surroundings
    Gaussian-process interpolation of the mean's residuals -> lips and eyelids, which move against each other
"""

import torch
from torch import Tensor

#: A sum of isotropic Gaussians: standard deviation, as a fraction of the picture's side, and weight of each.
Gaussians = tuple[tuple[float, float], ...]

#: Kernel of the weighted mean. The narrowest Gaussian dominates: a wider mean would average lips and eyelids, which are
#: a few pixels apart and move against each other, to no motion. The wide ones bridge the gaps between landmarks of the
#: cheeks, so that the mesh does not show in the face's contour, and carry hair and neck along.
MEAN_KERNEL: Gaussians = ((0.008, 1.0), (0.02, 0.01), (0.045, 0.004), (0.09, 0.0002))
#: Sum of kernel weights at which the confidence in the mean is one half.
HALF_CONFIDENCE_WEIGHT = 0.003
#: Covariance of the Gaussian process, and the variance of its observation noise as a share of the covariance at
#: distance 0. On eight clips, with a share of 0.02, the apertures of mouth and eyes changed by 0.65 and 0.39 of their
#: true change, where the mean alone had 0.52 and 0.22; a larger share costs a little of that and makes the system
#: better conditioned.
GP_KERNEL: Gaussians = ((0.012, 0.3), (0.03, 0.5), (0.09, 0.5))
GP_NOISE_SHARE = 0.1
#: Iterations of the solver, after which no flow of a face is a quarter of a pixel from the exact solution.
SOLVER_STEPS = 40
#: Lower bound of the solver's divisors: a right-hand side of zeros gives zero, not NaN.
MIN_DIVISOR = 1e-20


def dense_flow(landmarks: Tensor, displacements: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Backward flow on a grid from the displacements of landmarks, fading to zero away from them.

    landmarks: positions in each frame [B, T, L, 2], x then y, as fractions of the picture; displacements: since the
    content's frame [B, T, L, 2], in the same unit; size: side of the grid. Returns the flow back to the content
    [B, T, 2, size, size] in pixels of the grid, and the confidence in it [B, T, 1, size, size] in 0..1.
    """
    with torch.autocast(landmarks.device.type, enabled=False):  # the interpolation adds large numbers of either sign
        landmarks, backward = landmarks.float(), -displacements.float() * size
        values = torch.cat([backward, torch.ones_like(backward[..., :1])], -1)  # [B, T, L, 3]
        sums = _splat(landmarks, values, size, MEAN_KERNEL)
        weight = sums[:, :, 2:]
        squared = (landmarks[..., :, None, :] - landmarks[..., None, :, :]).square().sum(-1)  # [B, T, L, L]
        mean_weights = _kernel(squared, MEAN_KERNEL)
        mean = mean_weights @ backward / (mean_weights.sum(-1, keepdim=True) + HALF_CONFIDENCE_WEIGHT)
        variance = sum(share for _, share in GP_KERNEL)
        noise = GP_NOISE_SHARE * variance * torch.eye(landmarks.shape[-2], device=landmarks.device)
        coefficients = _solve(_kernel(squared, GP_KERNEL) + noise, backward - mean)  # [B, T, L, 2]
        flow = sums[:, :, :2] / (weight + HALF_CONFIDENCE_WEIGHT) + _splat(landmarks, coefficients, size, GP_KERNEL)
        return flow, weight / (weight + HALF_CONFIDENCE_WEIGHT)


def _solve(matrix: Tensor, target: Tensor) -> Tensor:
    """Approximate x of matrix x = target, [..., L, L] and [..., L, C], by conjugate gradients stopped early.

    Matrix products alone run alike on every device, and LAPACK's solver once deadlocked in a worker process. What
    early stopping leaves out is of the size of the landmarks' own errors.
    """
    # Rounding errors grow with every step: in single precision, a frame would depend on the others of its batch.
    exact = torch.float32 if target.device.type == "mps" else torch.float64  # Metal has no double precision
    dtype, matrix, target = target.dtype, matrix.to(exact), target.to(exact)
    x = torch.zeros_like(target)
    residual = direction = target
    power = residual.square().sum(-2, keepdim=True)  # [..., 1, C]
    for _ in range(SOLVER_STEPS):
        image = matrix @ direction
        step = power / (direction * image).sum(-2, keepdim=True).clamp(min=MIN_DIVISOR)
        x, residual = x + step * direction, residual - step * image
        previous_power, power = power, residual.square().sum(-2, keepdim=True)
        direction = residual + power / previous_power.clamp(min=MIN_DIVISOR) * direction
    return x.to(dtype)


def _kernel(squared: Tensor, gaussians: Gaussians) -> Tensor:
    """The sum of Gaussians at squared distances, of their shape."""
    return torch.stack([share * torch.exp(-squared / (2 * sigma**2)) for sigma, share in gaussians]).sum(0)


def _splat(landmarks: Tensor, values: Tensor, size: int, gaussians: Gaussians) -> Tensor:
    """Values [B, T, L, C] at landmarks, each spread over the grid by the kernel and summed: [B, T, C, size, size]."""
    grid = (torch.arange(size, device=landmarks.device) + 0.5) / size
    sums = landmarks.new_zeros(*landmarks.shape[:2], values.shape[-1], size, size)
    for sigma, share in gaussians:
        # A 2-D Gaussian is the product of one in x and one in y, so the sum over landmarks is a product of matrices.
        across, down = (torch.exp(-((grid - landmarks[..., axis, None]) ** 2) / (2 * sigma**2)) for axis in (0, 1))
        sums = sums + share * torch.einsum("btlc,btly,btlx->btcyx", values, down, across)
    return sums
