"""Shot boundary detection (hard cuts) on luma thumbnails of consecutive frames.

The score of a pair of frames adds the mean absolute difference (light and motion) and one minus the correlation
(structure), each scaled to what head motion reaches. On 51 test clips at 12.5 fps head motion scores up to 1.73, and a
change of person 1.91 and more. People filmed in front of one backdrop score less (1.14), so the threshold falls with
the running mean of the score in shots with little motion. Fades and dissolves are
for transitions.py.
"""

import numpy as np
from numpy.typing import NDArray

from bcdcodec.frame import Frame

#: Cells of a thumbnail per axis.
_CELLS = 36
#: Values that head motion reaches in each term of the score.
_DIFFERENCE_SCALE = 20.0
_STRUCTURE_SCALE = 0.4
#: Added to the standard deviation, so that noise on a flat picture (black, fog) does not count as structure.
_FLAT_STD = 4.0
#: Range of the threshold, and its rise with the running mean of the score.
_MIN_THRESHOLD, _MAX_THRESHOLD = 1.1, 1.83
_THRESHOLD_OFFSET, _THRESHOLD_SLOPE = 0.8, 1.6
#: Weight of the newest score in the running mean.
_MEAN_UPDATE = 0.3

Thumbnail = NDArray[np.float32]


class CutDetector:
    """Detects cuts frame by frame in constant memory; the first frame is none."""

    def __init__(self) -> None:
        self._last: Thumbnail | None = None
        self._mean_score: float | None = None

    @property
    def shown(self) -> Thumbnail:
        """Thumbnail of the last frame."""
        assert self._last is not None, "asked for after a frame"
        return self._last

    def is_cut(self, frame: Frame) -> bool:
        """Whether a new shot starts with this frame."""
        current, last = thumbnail(frame.pixels), self._last
        self._last = current
        if last is None:
            return False
        score = difference(last, current)
        threshold = _MAX_THRESHOLD
        if self._mean_score is not None:
            adaptive = _THRESHOLD_OFFSET + _THRESHOLD_SLOPE * self._mean_score
            threshold = min(_MAX_THRESHOLD, max(_MIN_THRESHOLD, adaptive))
        if score >= threshold:
            self._mean_score = None  # the next shot has a motion of its own
            return True
        mean = score if self._mean_score is None else self._mean_score
        self._mean_score = mean + _MEAN_UPDATE * (score - mean)
        return False


def thumbnail(pixels: NDArray[np.uint8]) -> Thumbnail:
    """Mean luma (BT.601 weights) of a grid of cells [_CELLS, _CELLS]; smaller pictures have a cell per pixel."""
    height, width = pixels.shape[:2]
    step = max(1, min(height, width) // (_CELLS * 3))  # three samples a cell and axis are enough for a mean
    luma = pixels[::step, ::step].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return _cell_means(_cell_means(luma, 0), 1)


def difference(before: Thumbnail, after: Thumbnail) -> float:
    """Score of two thumbnails of the same file: 0 for equal ones, about 1.8 and more across a cut."""
    change = float(np.abs(after - before).mean())
    a = (before - before.mean()) / (before.std() + _FLAT_STD)
    b = (after - after.mean()) / (after.std() + _FLAT_STD)
    spread = 0.5 * float((a * a).mean() + (b * b).mean())
    return change / _DIFFERENCE_SCALE + (spread - float((a * b).mean())) / _STRUCTURE_SCALE


def _cell_means(values: Thumbnail, axis: int) -> Thumbnail:
    count = values.shape[axis]
    edges = np.arange(min(_CELLS, count)) * count // min(_CELLS, count)
    sizes = np.diff(np.append(edges, count)).astype(np.float32)
    sums = np.add.reduceat(values, edges, axis=axis)
    return np.asarray(sums / (sizes[:, None] if axis == 0 else sizes), np.float32)
