"""Cropping of a square at the model's size, and pasting of the decoded square back into the picture.

Each channel is scaled by itself as a grey plane, so no colour conversion or chroma subsampling takes place.
"""

import numpy as np
from av import VideoFrame
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from bcdcodec.errors import ConfigError
from bcdcodec.frame import CropBox, Frame

#: Largest box, as a multiple of the longer side of the picture; bounds the memory that a hostile stream can demand.
MAX_BOX_RATIO = 2
#: Width of the blended edge of a pasted patch, as a fraction of the box.
FEATHER = 0.08


def largest_square(width: int, height: int) -> CropBox:
    """The largest centred square of a picture."""
    size = min(width, height)
    return CropBox(x=(width - size) // 2, y=(height - size) // 2, size=size)


def crop(frame: Frame, box: CropBox, size: int) -> Frame:
    """The square of a box, scaled to size x size with antialiasing; the border repeats outside the picture.

    ConfigError for a box that is too large or does not meet the picture.
    """
    _check(box, frame.width, frame.height)
    left, right = max(box.x, 0), min(box.x + box.size, frame.width)
    top, bottom = max(box.y, 0), min(box.y + box.size, frame.height)
    square = frame.pixels[top:bottom, left:right]
    outside = ((top - box.y, box.y + box.size - bottom), (left - box.x, box.x + box.size - right), (0, 0))
    if square.shape[:2] != (box.size, box.size):
        square = np.pad(square, outside, mode="edge")
    return Frame(pixels=scale(square, size, size), index=frame.index)


def paste(background: Frame, patch: Frame, box: CropBox, *, feather: float = FEATHER) -> Frame:
    """Blend a patch over the part of the picture that it was cropped from; the result has the patch's index."""
    _check(box, background.width, background.height)
    scaled = scale(patch.pixels, box.size, box.size)
    left, right = max(box.x, 0), min(box.x + box.size, background.width)
    top, bottom = max(box.y, 0), min(box.y + box.size, background.height)
    inner = scaled[top - box.y : bottom - box.y, left - box.x : right - box.x].astype(np.float32)
    across = _ramp(box.x, box.size, background.width, feather)[left - box.x : right - box.x]
    down = _ramp(box.y, box.size, background.height, feather)[top - box.y : bottom - box.y]
    weight = (down[:, None] * across[None, :])[:, :, None]
    pixels = background.pixels.copy()
    under = pixels[top:bottom, left:right].astype(np.float32)
    pixels[top:bottom, left:right] = np.rint(under + weight * (inner - under)).astype(np.uint8)
    return Frame(pixels=pixels, index=patch.index)


def scale(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Resize a picture [H, W, 3] to [height, width, 3]: area averaging to shrink it, bicubic to enlarge it."""
    if pixels.shape[:2] == (height, width):
        return np.ascontiguousarray(pixels)
    shrinks = width < pixels.shape[1] or height < pixels.shape[0]
    how = (Interpolation.AREA if shrinks else Interpolation.BICUBIC) | Interpolation.ACCURATE_RND
    planes = []
    for channel in range(3):
        plane = VideoFrame.from_ndarray(np.ascontiguousarray(pixels[:, :, channel]), format="gray")
        planes.append(plane.reformat(width=width, height=height, interpolation=how, threads=1).to_ndarray())
    return np.stack(planes, axis=-1).astype(np.uint8, copy=False)


def _ramp(start: int, size: int, limit: int, feather: float) -> NDArray[np.float32]:
    """Weights along one axis: rising from the box edge inwards, 1 where the edge lies on the picture's own border."""
    width = max(1.0, feather * size)
    position = np.arange(size, dtype=np.float32) + 0.5
    rising = np.ones(size, np.float32) if start <= 0 else np.clip(position / width, 0, 1)
    falling = np.ones(size, np.float32) if start + size >= limit else np.clip((size - position) / width, 0, 1)
    return np.asarray(rising * falling, np.float32)


def _check(box: CropBox, width: int, height: int) -> None:
    limit = MAX_BOX_RATIO * max(width, height)
    if not 1 <= box.size <= limit:
        raise ConfigError(f"crop box is {box.size} pixels, allowed are 1 to {limit} in a {width}x{height} picture")
    if box.x >= width or box.y >= height or box.x + box.size <= 0 or box.y + box.size <= 0:
        raise ConfigError(f"crop box at {box.x}, {box.y} lies outside the {width}x{height} picture")
