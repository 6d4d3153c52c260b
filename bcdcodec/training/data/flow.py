"""Optical flow from each frame to the content's frame, as a training target.

The codes must carry head motion before the denoiser can use them. Supervised by flow the encoder learns it in minutes;
from photometric losses alone it takes days.
"""

from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from bcdcodec.errors import MissingExtraError, install_command


def teacher_flow(seen: Tensor, wanted: Tensor, size: int) -> Tensor:
    """Flow that warps each clip's picture onto its frames, by dense inverse search (Kroeger et al., 2016).

    seen: [B, 3, S, S] in [-1, 1]; wanted: [B, F, 3, S, S]. Returns [B, F, 2, size, size], x then y, in pixels of a
    picture of `size` (which divides S), as in model/warp.py. Raises MissingExtraError.
    """
    search = _search()
    sources, targets = _gray(seen), _gray(wanted)
    flows = [
        [search.calc(target, source, None) for target in frames]  # [S, S, 2]
        for source, frames in zip(sources, targets, strict=True)
    ]
    flow = torch.from_numpy(np.asarray(flows, np.float32)).movedim(-1, 2)  # [B, F, 2, S, S]
    flow, factor = flow.to(seen.device), seen.shape[-1] // size
    return F.avg_pool2d(flow.flatten(0, 1), factor).unflatten(0, flow.shape[:2]) / factor


def _gray(pictures: Tensor) -> NDArray[np.uint8]:
    weights = pictures.new_tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    gray: NDArray[np.uint8] = ((pictures + 1) * 127.5 * weights).sum(-3).round().to(torch.uint8).cpu().numpy()
    return gray


@cache
def _search() -> Any:
    try:
        cv2: Any = import_module("cv2")
    except ImportError as error:
        raise MissingExtraError(
            f"training a model with a warper needs the extra `train`: {install_command('train')}"
        ) from error
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    search.setFinestScale(0)  # the pictures are small already
    return search
