"""Points of a face that move, as a flow. In: where points are, how far they moved. Out: flow and cover for anchor.py.

A network that has to learn where lips lie in the picture, and that they move with some codes, takes long to find both;
points say it outright, and what remains for it is hair, shoulders and what the points get wrong.
"""

import torch
from torch import Tensor

#: How far a point's movement reaches, as a fraction of the picture, and how much it counts there: the nearest point
#: counts almost alone, since lips and lids a few pixels apart move against each other and a wider mean has them stand
#: still. Around the face, where points are farther apart, the mean is as wide as they need not to show in the outline;
#: hair and neck go with the face.
REACHES = ((0.008, 1.0), (0.02, 0.01), (0.045, 0.004), (0.09, 0.0002))
#: Sum of weights at which the movement is half believed.
HALF = 0.003


def spread_points(points: Tensor, moved: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The mean of the movement of the points around each place of a grid, fading to zero away from them.

    points: [B, T, L, 2] in each frame, x then y as fractions of the picture; moved: [B, T, L, 2] since the content, in
    the same unit. Returns the flow back to the content [B, T, 2, size, size] in pixels of the grid, and how much of it
    is known [B, T, 1, size, size] in 0..1.
    """
    grid = (torch.arange(size, device=points.device) + 0.5) / size
    values = torch.cat([-moved * size, torch.ones_like(moved[..., :1])], -1)  # [B, T, L, 3]
    sums = points.new_zeros(*points.shape[:2], 3, size, size)
    for reach, share in REACHES:
        # A Gaussian is the product of one in x and one in y, so all of them together are a product of two matrices.
        across, down = (torch.exp(-((grid - points[..., axis, None]) ** 2) / (2 * reach**2)) for axis in (0, 1))
        sums = sums + share * torch.einsum("btlc,btly,btlx->btcyx", values, down, across)
    weight = sums[:, :, 2:]
    return sums[:, :, :2] / (weight + HALF), weight / (weight + HALF)
