"""LPIPS v0.1 over AlexNet or VGG16, one distance a frame; lower is better, 0 is equal.

    features of both, each position at unit length -> squared difference -> learned weights -> mean, summed over taps

Zhang, Isola, Efros, Shechtman, Wang, *The Unreasonable Effectiveness of Deep Features as a Perceptual Metric*, 2018.
Not bounded; unlike pictures reach about 0.8. Pictures go in at their own size. Weights: see imagenet.py.
"""

from typing import Literal

import torch
from torch import Tensor

from bcdcodec.evaluation.metrics.imagenet import alex_taps, convolutions, heads, read_table, vgg_taps
from bcdcodec.evaluation.metrics.pair import Values, Video, in_batches

#: Of pictures from -1 to 1, as LPIPS takes them.
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
#: What the poolings leave of smaller pictures is nothing.
LEAST_SIDE = 32
_BATCH = 4


class Lpips:
    """The metric with its network loaded, for many videos. net: "alex" (fast) or "vgg" (20 times slower)."""

    def __init__(self, net: Literal["alex", "vgg"] = "alex") -> None:
        table = read_table(net)
        self._taps = alex_taps if net == "alex" else vgg_taps
        self._layers, self._heads = convolutions(table), heads(table)

    def __call__(self, found: Video, expected: Video) -> Values:
        return in_batches(found, expected, self._distance, size=_BATCH, least_side=LEAST_SIDE)

    def _distance(self, x: Tensor, y: Tensor) -> Tensor:
        """Distances [B] of pictures x and y, [B, 3, H, W] from 0 to 255."""
        total = torch.zeros(len(x))
        for one, other, head in zip(self._features(x), self._features(y), self._heads, strict=True):
            total += ((_unit(one) - _unit(other)) ** 2 * head).sum(1).mean((1, 2))
        return total

    def _features(self, x: Tensor) -> list[Tensor]:
        shift, scale = (torch.tensor(values).view(1, 3, 1, 1) for values in (SHIFT, SCALE))
        return self._taps((x / 127.5 - 1 - shift) / scale, self._layers)


def _unit(x: Tensor) -> Tensor:
    """Normalize the channels of every position to unit length."""
    return x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10)
