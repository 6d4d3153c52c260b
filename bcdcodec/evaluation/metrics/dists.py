"""DISTS: structure and texture similarity in VGG16 features, one distance a frame; lower is better.

    for every channel of the picture and of five taps: similarity of the means (texture) and correlation (structure),
    weighted by the learned alpha and beta, which sum to 1; the distance is 1 less that sum

Ding, Ma, Wang, Simoncelli, *Image Quality Assessment: Unifying Structure and Texture Similarity*, 2020. From 0, equal,
to about 1. The authors shrink pictures to 256 pixels on their shorter side; here they go in at their own size, which
is the same at 256. Weights: VGG16 as in imagenet.py, alpha and beta from the package `dists-pytorch`.
"""

import io

import torch
from torch import Tensor
from torch.nn import functional

from bcdcodec.evaluation.metrics.backbones import PackagedFile
from bcdcodec.evaluation.metrics.imagenet import convolutions, normalized, read_table, vgg_taps
from bcdcodec.evaluation.metrics.pair import Values, Video, in_batches

WEIGHTS = PackagedFile(
    package="DISTS-pytorch",
    path="DISTS_pytorch/weights.pt",
    sha256="f5e65c96230b7f6ca995691647d482237e4cab8a50c5c4a5784f219ef0748218",
)
#: Of the picture and the five taps.
CHANNELS = (3, 64, 128, 256, 512, 512)
#: Keeps both similarities finite.
C1 = C2 = 1e-6
LEAST_SIDE = 32
_BATCH = 2


class Dists:
    """The metric with its network loaded, for many videos."""

    def __init__(self) -> None:
        learned = torch.load(io.BytesIO(WEIGHTS.read()), map_location="cpu", weights_only=True)
        alpha, beta = learned["alpha"].detach().view(-1), learned["beta"].detach().view(-1)
        total = alpha.sum() + beta.sum()
        self._alpha, self._beta = (alpha / total).split(CHANNELS), (beta / total).split(CHANNELS)
        self._layers = convolutions(read_table("vgg"))

    def __call__(self, found: Video, expected: Video) -> Values:
        return in_batches(found, expected, self._distance, size=_BATCH, least_side=LEAST_SIDE)

    def _distance(self, x: Tensor, y: Tensor) -> Tensor:
        """Distances [B] of pictures x and y, [B, 3, H, W] from 0 to 255."""
        similarity = torch.zeros(len(x))
        for one, other, alpha, beta in zip(self._maps(x), self._maps(y), self._alpha, self._beta, strict=True):
            texture, structure = similarities(one, other)
            similarity += texture @ alpha + structure @ beta
        return 1 - similarity

    def _maps(self, x: Tensor) -> list[Tensor]:
        """The picture from 0 to 1 and its five taps."""
        return [x / 255, *vgg_taps(normalized(x / 255), self._layers, pool=_l2_pool)]


def similarities(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Similarity of texture and of structure of each channel of features [B, C, H, W]: [B, C] each."""
    mean_x, mean_y = x.mean((2, 3)), y.mean((2, 3))
    spread_x, spread_y = x.var((2, 3), correction=0), y.var((2, 3), correction=0)
    both = (x * y).mean((2, 3)) - mean_x * mean_y
    texture = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    structure = (2 * both + C2) / (spread_x + spread_y + C2)
    return texture, structure


def _l2_pool(x: Tensor) -> Tensor:
    """Half the size without aliasing: root of the squares blurred by a Hann window of 3x3."""
    window = torch.tensor([0.25, 0.5, 0.25])
    kernel = (window[:, None] * window).expand(x.shape[1], 1, 3, 3)
    return (functional.conv2d(x.square(), kernel, stride=2, padding=1, groups=x.shape[1]) + 1e-12).sqrt()
