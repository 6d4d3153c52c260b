"""The face in every frame of a video, for the metrics that look at faces. In: a video. Out: a mesh or None a frame."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bcdcodec.evaluation.metrics.pair import Values, Video, check_pair
from bcdcodec.frame import Frame
from bcdcodec.video.landmarks import Points, landmarks

#: (a frame's picture and mesh, the other video's) -> value.
Compare = Callable[[Frame, Points, Frame, Points], float]
#: Pictures whose mesh is kept for the next metric: two clips of ten seconds.
KEPT = 512


@dataclass(frozen=True, slots=True)
class _Picture:
    """A frame that is equal to one with the same pixels."""

    digest: bytes
    frame: Frame = field(compare=False)


def compare_faces(found: Video, expected: Video, compare: Compare) -> Values:
    """One value a frame; NaN where either video shows no face."""
    check_pair(found, expected)
    return np.array([_compare(*pair, compare) for pair in zip(found, expected, strict=True)], np.float64)


def faces_lost(found: Video, expected: Video) -> Values:
    """100 for a frame of `found` without a face where `expected` shows one, 0 with one; NaN where neither can tell,
    as `expected` shows none. The mean is the share lost, in %; lower is better. What other metrics of faces say is said
    of the frames that are left.
    """
    check_pair(found, expected)
    wanted = np.array([face_mesh(pixels) is not None for pixels in expected])
    lost = np.array([face_mesh(pixels) is None for pixels in found])
    return np.where(wanted, 100.0 * lost, np.nan)


def face_mesh(pixels: NDArray[np.uint8]) -> Points | None:
    """The mesh of a picture's face, None without one; that of a picture seen lately is not found again."""
    return _mesh(_picture(pixels))


def _compare(found: NDArray[np.uint8], expected: NDArray[np.uint8], compare: Compare) -> float:
    own, theirs = _picture(found), _picture(expected)
    their_mesh = _mesh(theirs)
    if their_mesh is None:
        return float("nan")
    own_mesh = _mesh(own)
    return float("nan") if own_mesh is None else compare(own.frame, own_mesh, theirs.frame, their_mesh)


def _picture(pixels: NDArray[np.uint8]) -> _Picture:
    dense = np.ascontiguousarray(pixels)
    return _Picture(
        hashlib.blake2b(dense.tobytes()).digest() + bytes(str(dense.shape), "ascii"), Frame(pixels=dense, index=0)
    )


@lru_cache(maxsize=KEPT)
def _mesh(picture: _Picture) -> Points | None:
    return landmarks(picture.frame)
