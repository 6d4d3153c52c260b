"""InceptionV3 features of FID and KID proper: float64 [T, 2048] of a video.

    FID is frechet_distance of both sets of features, KID their kernel_distance; lower is better, see there

Over the InceptionV3 of Szegedy et al., *Rethinking the Inception Architecture for Computer Vision*, 2016, in the
variant that TensorFlow published in 2015. Pictures are scaled to 299x299 without a filter, as pytorch-fid does;
TensorFlow's own scaling differs a little. No package carries the weights: `pt_inception-2015-12-05-6726825d.pth`
(95 628 359 bytes) must lie at a path that is given.
"""

import io
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from bcdcodec.evaluation.metrics.backbones import checked
from bcdcodec.evaluation.metrics.pair import Video, batches, check_video

SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
SIDE, WIDTH = 299, 2048
_BATCH = 4
_LEARNED = ("running_mean", "running_var", "weight", "bias")

#: Weights by name.
State = dict[str, Tensor]


class Inception:
    """The feature extractor with its network loaded. MissingExtraError without the file, WeightsError if it differs."""

    def __init__(self, path: Path) -> None:
        self._state: State = torch.load(io.BytesIO(checked(path, SHA256)), map_location="cpu", weights_only=True)

    def __call__(self, video: Video) -> NDArray[np.float64]:
        check_video(video)
        with torch.inference_mode():
            found = [inception_features(self._state, x) for x in batches(video, size=_BATCH)]
        return np.concatenate([item.double().numpy() for item in found])


def inception_features(state: State, x: Tensor) -> Tensor:
    """Features [B, 2048] of pictures [B, 3, H, W] from 0 to 255."""
    x = functional.interpolate(x / 127.5 - 1, (SIDE, SIDE), mode="bilinear", align_corners=False)
    x = _convolve(state, "Conv2d_1a_3x3", x, stride=2)
    x = _convolve(state, "Conv2d_2a_3x3", x, pad=False)
    x = _convolve(state, "Conv2d_2b_3x3", x)  # [B, 64, 147, 147]
    x = _convolve(state, "Conv2d_3b_1x1", functional.max_pool2d(x, 3, 2))
    x = _convolve(state, "Conv2d_4a_3x3", x, pad=False)
    x = functional.max_pool2d(x, 3, 2)  # [B, 192, 35, 35]
    for name in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
        x = _block(state, name, x, ("branch1x1",), ("branch5x5_1", "branch5x5_2"), _numbered("branch3x3dbl", 3))
    x = _halve(state, "Mixed_6a", x, ("branch3x3",), _numbered("branch3x3dbl", 3))  # [B, 768, 17, 17]
    for name in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
        x = _block(state, name, x, ("branch1x1",), _numbered("branch7x7", 3), _numbered("branch7x7dbl", 5))
    x = _halve(state, "Mixed_7a", x, _numbered("branch3x3", 2), _numbered("branch7x7x3", 4))  # [B, 1280, 8, 8]
    x = _last(state, "Mixed_7b", x, _average(x))
    # That the last block takes the maximum where the one before takes the mean is how the weights were trained.
    x = _last(state, "Mixed_7c", x, functional.max_pool2d(x, 3, 1, 1))
    return x.mean((2, 3))


def _block(state: State, name: str, x: Tensor, *branches: tuple[str, ...]) -> Tensor:
    """Parallel branches of convolutions and one after average pooling; keeps the size."""
    found = [_chain(state, name, x, branch) for branch in branches]
    return torch.cat([*found, _convolve(state, f"{name}.branch_pool", _average(x))], 1)


def _halve(state: State, name: str, x: Tensor, *branches: tuple[str, ...]) -> Tensor:
    """Parallel branches that end in stride 2, and max pooling; halves the size."""
    found = [
        _convolve(state, f"{name}.{branch[-1]}", _chain(state, name, x, branch[:-1]), stride=2) for branch in branches
    ]
    return torch.cat([*found, functional.max_pool2d(x, 3, 2)], 1)


def _last(state: State, name: str, x: Tensor, pooled: Tensor) -> Tensor:
    """Parallel branches of which two end in a pair of parallel convolutions."""
    wide = _chain(state, name, x, ("branch3x3_1",))
    deep = _chain(state, name, x, ("branch3x3dbl_1", "branch3x3dbl_2"))
    pairs = [(wide, "branch3x3_2a"), (wide, "branch3x3_2b"), (deep, "branch3x3dbl_3a"), (deep, "branch3x3dbl_3b")]
    found = [_convolve(state, f"{name}.{branch}", y) for y, branch in pairs]
    straight, pool = _convolve(state, f"{name}.branch1x1", x), _convolve(state, f"{name}.branch_pool", pooled)
    return torch.cat([straight, *found, pool], 1)


def _chain(state: State, name: str, x: Tensor, layers: tuple[str, ...]) -> Tensor:
    for layer in layers:
        x = _convolve(state, f"{name}.{layer}", x)
    return x


def _numbered(name: str, count: int) -> tuple[str, ...]:
    return tuple(f"{name}_{index}" for index in range(1, count + 1))


def _convolve(state: State, name: str, x: Tensor, *, stride: int = 1, pad: bool = True) -> Tensor:
    """Convolution, batch norm and ReLU; no padding with a stride."""
    weight = state[f"{name}.conv.weight"]
    padding = [side // 2 for side in weight.shape[2:]] if pad and stride == 1 else [0, 0]
    x = functional.conv2d(x, weight, stride=stride, padding=padding)
    mean, variance, scale, shift = (state[f"{name}.bn.{part}"] for part in _LEARNED)
    return functional.relu(functional.batch_norm(x, mean, variance, scale, shift, eps=1e-3))


def _average(x: Tensor) -> Tensor:
    """Average pooling of 3x3 that excludes padding."""
    return functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
