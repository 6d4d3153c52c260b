"""Checks and batches of two videos that are compared."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdcodec.errors import ConfigError

#: uint8 [T, H, W, 3], RGB.
Video = NDArray[np.uint8]
#: float64 [T]: one value a frame.
Values = NDArray[np.float64]


def check_video(video: Video) -> None:
    """ConfigError unless it is uint8 [T, H, W, 3] with at least one frame."""
    if video.dtype != np.uint8 or video.ndim != 4 or video.shape[3] != 3 or 0 in video.shape:
        raise ConfigError(f"video is {video.dtype} {list(video.shape)}, needs uint8 [T, H, W, 3]")


def check_pair(found: Video, expected: Video, *, least_side: int = 1) -> None:
    """ConfigError unless both are videos of one shape, no side of their frames below `least_side` pixels."""
    check_video(found)
    check_video(expected)
    if found.shape != expected.shape:
        raise ConfigError(f"videos are {list(found.shape)} and {list(expected.shape)}, need one shape")
    height, width = found.shape[1:3]
    if min(height, width) < least_side:
        raise ConfigError(f"frames are {width}x{height}, this metric needs at least {least_side} pixels a side")


def known_mean(values: Values) -> float | None:
    """Mean over the frames that have a value; None where none has."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def in_batches(
    found: Video, expected: Video, distance: Callable[[Tensor, Tensor], Tensor], *, size: int, least_side: int
) -> Values:
    """Check a pair and apply `distance`, two [B, 3, H, W] -> [B], to `size` frames at a time."""
    check_pair(found, expected, least_side=least_side)
    pairs = zip(batches(found, size=size), batches(expected, size=size), strict=True)
    with torch.inference_mode():
        return np.concatenate([distance(x, y).double().numpy() for x, y in pairs])


def batches(video: Video, *, size: int) -> Iterator[Tensor]:
    """The frames as float32 [B, 3, H, W] from 0 to 255, B at most `size`."""
    for start in range(0, len(video), size):
        yield torch.from_numpy(video[start : start + size].astype(np.float32)).permute(0, 3, 1, 2)
