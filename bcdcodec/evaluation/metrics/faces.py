"""Faces of video frames, compared frame by frame; their landmarks are cached for the metrics of faces."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bcdcodec.evaluation.metrics.pair import Values, Video, check_pair
from bcdcodec.frame import Frame
from bcdcodec.video.landmarks import Points, landmarks

#: (a frame's picture and landmarks, the other video's) -> value.
Compare = Callable[[Frame, Points, Frame, Points], float]
#: A picture, uint8 [H, W, 3] -> landmarks of its largest face, None without one.
Find = Callable[[NDArray[np.uint8]], Points | None]
#: Faces that are kept for the next metric: those of two clips of ten seconds by two detectors.
KEPT = 1024


def recent_face(detect: Callable[[Frame], Points | None], pixels: NDArray[np.uint8]) -> Points | None:
    """What a detector finds in a picture, None without a face; the faces of recent pictures are cached."""
    return _recent(detect, pixels.tobytes(), pixels.shape)


def face_mesh(pixels: NDArray[np.uint8]) -> Points | None:
    """The face mesh of a picture, None without a face; cached."""
    return recent_face(landmarks, pixels)


def compare_faces(found: Video, expected: Video, compare: Compare, *, find: Find = face_mesh) -> Values:
    """A metric of two faces, one value a frame; NaN where either video shows no face."""
    check_pair(found, expected)
    return np.array([_compare(*pair, compare, find) for pair in zip(found, expected, strict=True)], np.float64)


def faces_lost(found: Video, expected: Video, *, find: Find = face_mesh) -> Values:
    """Faces of `expected` that `found` lost: 100 for a lost face, 0 for one found, NaN where `expected` shows none.

    The mean is the share lost, in %; lower is better. Other metrics of faces cover the remaining frames only.
    """
    check_pair(found, expected)
    wanted = np.array([find(pixels) is not None for pixels in expected])
    lost = np.array([find(pixels) is None for pixels in found])
    return np.where(wanted, 100.0 * lost, np.nan)


def _compare(found: NDArray[np.uint8], expected: NDArray[np.uint8], compare: Compare, find: Find) -> float:
    if (theirs := find(expected)) is None or (own := find(found)) is None:
        return float("nan")
    return compare(_frame(found), own, _frame(expected), theirs)


def _frame(pixels: NDArray[np.uint8]) -> Frame:
    return Frame(pixels=np.ascontiguousarray(pixels), index=0)


@lru_cache(maxsize=KEPT)
def _recent(detect: Callable[[Frame], Points | None], data: bytes, shape: tuple[int, ...]) -> Points | None:
    return detect(_frame(np.frombuffer(data, np.uint8).reshape(shape).copy()))
