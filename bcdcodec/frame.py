"""RGB frames and crop boxes, the types in which pictures pass between packages."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdcodec.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """One RGB picture. pixels: uint8 [H, W, 3], C-contiguous; index: position in ticks of the codec's frame rate."""

    pixels: NDArray[np.uint8]
    index: int

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 3 or self.pixels.shape[2] != 3:
            raise ConfigError(f"frame is {self.pixels.dtype} {self.pixels.shape}, needs uint8 [H, W, 3]")

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class CropBox:
    """A square of the source picture, in source pixels; outside the picture its border is repeated."""

    x: int
    y: int
    size: int
