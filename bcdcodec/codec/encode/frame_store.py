"""Store of a file's cropped frames in temporary files: a pass over a file decodes it, the next ones read the store."""

import logging
import tempfile
from fractions import Fraction
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bcdcodec.codec.encode.cropped_frame import CroppedFrame

_log = logging.getLogger(__name__)

#: Pixels of a longer file are not stored: 14 minutes of 256x256 at 12.5 frames a second. Landmarks are, 4 kB a frame.
MAX_PIXEL_BYTES = 2 << 30


class FrameStore:
    """Pixels and landmarks of a file's frames at one frame rate, in order."""

    def __init__(self) -> None:
        self._rate: Fraction | None = None
        self._frames = 0
        self._pixels: _ArrayFile | None = None
        self._landmarks: _ArrayFile | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Delete what is stored."""
        for file in (self._pixels, self._landmarks):
            if file is not None:
                file.close()
        self._pixels = self._landmarks = None

    def begin(self, rate: Fraction, frames: int) -> None:
        """Begin a pass over so many frames at this rate; those of another rate are deleted."""
        if rate != self._rate:
            self.close()
            self._rate, self._frames = rate, frames

    @property
    def has_pixels(self) -> bool:
        """Whether all frames are stored whole."""
        return self._frames > 0 and self._pixels is not None and len(self._pixels) == self._frames

    def landmarks(self, index: int) -> NDArray[np.float32] | None:
        """Landmarks of a frame, None where they are not stored."""
        return None if self._landmarks is None or index >= len(self._landmarks) else self._landmarks[index]

    def pixels(self, index: int) -> NDArray[np.uint8]:
        """Pixels of a frame, once there are those of all."""
        assert self._pixels is not None, "asked for what is stored"
        return self._pixels[index]

    def add(self, frame: CroppedFrame) -> None:
        """Store a frame; those that are there already are left as they are."""
        if self._landmarks is None:
            self._landmarks = _ArrayFile(frame.landmarks)
            if self._frames * frame.pixels.nbytes <= MAX_PIXEL_BYTES:
                self._pixels = _ArrayFile(frame.pixels)
        if frame.index == len(self._landmarks):
            self._landmarks.append(frame.landmarks)
        if self._pixels is not None and frame.index == len(self._pixels):
            try:
                self._pixels.append(frame.pixels)
            except OSError as error:  # the result is the same, later
                _log.warning("no room for temporary files (%s): the video is decoded again in every pass", error)
                self._pixels.close()
                self._pixels = None


class _ArrayFile:
    """Arrays of one shape and type in a temporary file."""

    def __init__(self, like: NDArray[Any]) -> None:
        self._shape, self._dtype, self._bytes = like.shape, like.dtype, like.nbytes
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> NDArray[Any]:
        self._file.seek(index * self._bytes)
        return np.frombuffer(self._file.read(self._bytes), self._dtype).reshape(self._shape)

    def append(self, array: NDArray[Any]) -> None:
        self._file.seek(self._count * self._bytes)
        self._file.write(np.ascontiguousarray(array).data)
        self._count += 1

    def close(self) -> None:
        self._file.close()
