"""Windows of cropped frames as the encoder's networks take them: pictures, latents and landmarks of the face."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdcodec.codec.model import CodecModel
from bcdcodec.frame import Frame
from bcdcodec.video.landmarks import Points, follow_landmarks


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Some frames. pixels: uint8 [T, P, P, 3]; latents: [T, C, H, W]; landmarks: [T, L, 2], x then y, as fractions of
    the picture, NaN in frames without a face; L is 0 for a model without landmarks.
    """

    pixels: NDArray[np.uint8]
    latents: Tensor
    landmarks: Tensor

    @classmethod
    def joined(cls, windows: Sequence["Window"]) -> "Window":
        """Successive windows as one."""
        return cls(
            np.concatenate([window.pixels for window in windows]),
            torch.cat([window.latents for window in windows]),
            torch.cat([window.landmarks for window in windows]),
        )


#: A face that was lost or never found is looked for in every so many frames: that costs several times what following
#: one does.
SEARCH_EVERY = 4


class WindowBuilder:
    """Gathers cropped frames, and follows the face from frame to frame where the model codes landmarks.

    MissingExtraError without the packages of the extra `encode`, for such a model.
    """

    def __init__(self, model: CodecModel) -> None:
        self._model = model
        self._pixels: list[NDArray[np.uint8]] = []
        self._landmarks: list[NDArray[np.float32]] = []
        self._face: Points | None = None  # mesh of the last frame
        self._searched = 0  # frames since a face was looked for in vain

    def __len__(self) -> int:
        """Frames gathered since the last window."""
        return len(self._pixels)

    def push(self, picture: Frame) -> None:
        """Add a frame of the model's size."""
        landmarks = np.full((self._model.config.denoiser.landmarks, 2), np.nan, np.float32)
        if len(landmarks):
            self._face = self._find(picture)
            if self._face is not None:
                landmarks = (self._face[:, :2] / picture.width).astype(np.float32)
        self._pixels.append(picture.pixels)
        self._landmarks.append(landmarks)

    def _find(self, picture: Frame) -> Points | None:
        """The mesh of the face in the next frame, or None."""
        if self._face is None and self._searched:
            self._searched = (self._searched + 1) % SEARCH_EVERY
            return None
        found = _inside(follow_landmarks(picture, self._face), picture.width)
        self._searched = 1 if found is None else 0
        return found

    def take(self) -> Window:
        """The frames gathered since the last window, at least one; the face is followed beyond it."""
        pixels, landmarks = np.stack(self._pixels), torch.from_numpy(np.stack(self._landmarks))
        self._pixels, self._landmarks = [], []
        return Window(pixels, self._model.to_latents(pixels), landmarks.to(self._model.device))

    def new_shot(self) -> None:
        """Look for the face of the next frame anew."""
        self._face, self._searched = None, 0


def _inside(face: Points | None, side: int) -> Points | None:
    """The mesh, if its centre is in the picture and it is no larger than that: others have no place in a stream."""
    if face is None:
        return None
    center, size = face[:, :2].mean(0), face[:, :2].std()
    return face if ((center >= 0) & (center <= side)).all() and size <= side else None
