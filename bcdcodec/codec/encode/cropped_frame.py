"""Cropped frames: what all passes over a file make of its frames first."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdcodec.codec.encode.backend import EncodingModel
from bcdcodec.codec.window import FaceFollower
from bcdcodec.frame import CropBox, Frame
from bcdcodec.video.crop import crop, largest_square


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CroppedFrame:
    """The square of a frame at the model's size, and the landmarks of its face.

    pixels: uint8 [P, P, 3]; landmarks: float32 [L, 2] as fractions of the square, NaN without a face; index: of the
    frame; width, height: of the whole picture; box: the square as it was asked for, None for the largest centred one.
    """

    pixels: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
    index: int
    width: int
    height: int
    box: CropBox | None

    @property
    def square(self) -> CropBox:
        """The square that was cropped."""
        return self.box or largest_square(self.width, self.height)


class FrameCropper:
    """Crops frames, and follows the face from frame to frame of a shot."""

    def __init__(self, model: EncodingModel) -> None:
        self._pixels = model.config.pixels
        self._follower = FaceFollower(model)

    def crop(self, frame: Frame, box: CropBox | None, *, landmarks: NDArray[np.float32] | None = None) -> CroppedFrame:
        """Crop the next frame. landmarks: of its face, where they are known from an earlier pass."""
        square = crop(frame, box or largest_square(frame.width, frame.height), self._pixels)
        return CroppedFrame(
            pixels=square.pixels.copy(),  # callers may fill one buffer again and again
            landmarks=self._follower.follow(square) if landmarks is None else landmarks,
            index=frame.index,
            width=frame.width,
            height=frame.height,
            box=box,
        )

    def new_shot(self) -> None:
        """Look for the face of the next frame anew."""
        self._follower.new_shot()
