"""Windows of cropped frames as the encoder's networks take them: pictures, latents and landmarks of the face."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bcdcodec.frame import CropBox, Frame
from bcdcodec.video.landmarks import Points, follow_landmarks

if TYPE_CHECKING:
    from bcdcodec.codec.encode.backend import EncodingModel

Floats = NDArray[np.float32]


class FrameLatents:
    """Latents of frames uint8 [T, P, P, 3], computed when they are asked for: the autoencoder is the dearest network of
    an encoder that reads landmarks, which hardly needs it.
    """

    def __init__(self, to_latents: Callable[[NDArray[np.uint8]], Floats], pixels: NDArray[np.uint8]) -> None:
        self._to_latents, self._pixels = to_latents, pixels
        self._known: list[Floats | None] = [None] * len(pixels)

    def __len__(self) -> int:
        return len(self._known)

    def __getitem__(self, frames: int | slice | Sequence[int]) -> Floats:
        """Latents of a frame [C, H, W] or of several [n, C, H, W]."""
        if isinstance(frames, int):
            one: Floats = self[[frames]][0]
            return one
        indices = range(len(self))[frames] if isinstance(frames, slice) else frames
        missing = [index for index in indices if self._known[index] is None]
        for start in range(0, len(missing), FRAMES_AT_ONCE):
            some = missing[start : start + FRAMES_AT_ONCE]
            for index, latents in zip(some, self._to_latents(self._pixels[some]), strict=True):
                self._known[index] = latents
        return np.stack([latents for index in indices if (latents := self._known[index]) is not None])

    def part(self, frames: Sequence[int]) -> "FrameLatents":
        """Those of some frames; what is known stays so."""
        some = FrameLatents(self._to_latents, self._pixels[list(frames)])
        some._known = [self._known[index] for index in frames]
        return some

    @classmethod
    def joined(cls, parts: Sequence["FrameLatents"]) -> "FrameLatents":
        """Those of successive frames; what is known stays so."""
        whole = cls(parts[0]._to_latents, np.concatenate([part._pixels for part in parts]))
        whole._known = [latents for part in parts for latents in part._known]
        return whole


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Some frames. pixels: uint8 [T, P, P, 3]; latents: of each; landmarks: [T, L, 2], x then y, as fractions of the
    picture, NaN in frames without a face; L is 0 for a model without landmarks.
    """

    pixels: NDArray[np.uint8]
    latents: FrameLatents
    landmarks: Floats

    @classmethod
    def of_frames(cls, model: "EncodingModel", pixels: NDArray[np.uint8], landmarks: Floats) -> "Window":
        """A window of frames of the model's size with their landmarks."""
        return cls(pixels, FrameLatents(model.encoder_backend.latents, pixels), landmarks)

    def part(self, frames: Sequence[int]) -> "Window":
        """Some of the frames."""
        chosen = list(frames)
        return Window(self.pixels[chosen], self.latents.part(chosen), self.landmarks[chosen])

    @classmethod
    def joined(cls, windows: Sequence["Window"]) -> "Window":
        """Successive windows as one."""
        return cls(
            np.concatenate([window.pixels for window in windows]),
            FrameLatents.joined([window.latents for window in windows]),
            np.concatenate([window.landmarks for window in windows]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Closeup:
    """Another square of the frame, in which the face is looked for. picture: of the model's size; x, y: its left top
    corner in pixels of the frame's own square; scale: its side as a share of that square's.
    """

    picture: Frame
    x: float
    y: float
    scale: float

    @classmethod
    def of_boxes(cls, picture: Frame, box: CropBox, own: CropBox) -> "Closeup":
        """The square `box` of a frame whose own square is another one."""
        pixel = own.size / picture.width
        return cls(picture, (box.x - own.x) / pixel, (box.y - own.y) / pixel, box.size / own.size)

    def inside(self, points: Points) -> Points:
        """Positions in pixels of the frame's own square as pixels of this one."""
        return np.asarray((points - self._corner) / np.float32(self.scale), np.float32)

    def outside(self, points: Points) -> Points:
        """Inverse of `inside`."""
        return np.asarray(points * np.float32(self.scale) + self._corner, np.float32)

    @property
    def _corner(self) -> Points:
        return np.array([self.x, self.y, 0.0], np.float32)


#: Frames that the autoencoder encodes together.
FRAMES_AT_ONCE = 8
#: A face that was lost or never found is looked for in every so many frames: that costs several times what following
#: one does.
SEARCH_EVERY = 4


class FaceFollower:
    """Follows the face from frame to frame where the model codes landmarks.

    MissingExtraError without the packages of the extra `encode`, for such a model.
    """

    def __init__(self, model: "EncodingModel") -> None:
        self._count = model.config.denoiser.landmarks
        self._face: Points | None = None  # mesh of the last frame
        self._searched = 0  # frames since a face was looked for in vain

    def follow(self, picture: Frame, closeup: Closeup | None = None) -> Floats:
        """Landmarks of the next frame, of the model's size: [L, 2] as fractions of it, NaN without a face.

        closeup: where its face is looked for instead; landmarks may then lie outside the picture.
        """
        landmarks = np.full((self._count, 2), np.nan, np.float32)
        if self._count:
            self._face = self._find(picture, closeup)
            if self._face is not None:
                landmarks = (self._face[:, :2] / picture.width).astype(np.float32)
        return landmarks

    def new_shot(self) -> None:
        """Look for the face of the next frame anew."""
        self._face, self._searched = None, 0

    def _find(self, picture: Frame, closeup: Closeup | None) -> Points | None:
        """The mesh of the face in the next frame, or None."""
        if self._face is None and self._searched:
            self._searched = (self._searched + 1) % SEARCH_EVERY
            return None
        if closeup is None:
            found = _inside(follow_landmarks(picture, self._face), picture.width)
        else:
            before = None if self._face is None else closeup.inside(self._face)
            found = _inside(follow_landmarks(closeup.picture, before), picture.width)
            found = None if found is None else closeup.outside(found)
        self._searched = 1 if found is None else 0
        return found


class WindowBuilder:
    """Gathers cropped frames, with the landmarks of the face that is followed in them."""

    def __init__(self, model: "EncodingModel") -> None:
        self._model, self._follower = model, FaceFollower(model)
        self._pixels: list[NDArray[np.uint8]] = []
        self._landmarks: list[Floats] = []

    def __len__(self) -> int:
        """Frames gathered since the last window."""
        return len(self._pixels)

    def push(self, picture: Frame, closeup: Closeup | None = None) -> None:
        """Add a frame of the model's size, whose face is looked for as by `FaceFollower.follow`."""
        self.add(picture.pixels.copy(), self._follower.follow(picture, closeup))  # callers may fill one buffer again

    def add(self, pixels: NDArray[np.uint8], landmarks: Floats) -> None:
        """Add a frame whose landmarks are known; neither array is to be written to afterwards."""
        self._pixels.append(pixels)
        self._landmarks.append(landmarks)

    def take(self) -> Window:
        """The frames gathered since the last window, at least one; the face is followed beyond it."""
        pixels, landmarks = np.stack(self._pixels), np.stack(self._landmarks)
        self._pixels, self._landmarks = [], []
        return Window.of_frames(self._model, pixels, landmarks)

    def new_shot(self) -> None:
        """Look for the face of the next frame anew."""
        self._follower.new_shot()


def windows_of(frames: Sequence[int], length: int) -> list[tuple[slice, list[int]]]:
    """Windows of a shot, each of `length` frames, that some of its frames are in, and where these are in each.

    frames: indices in order.
    """
    starts = sorted({frame - frame % length for frame in frames})
    return [
        (slice(start, start + length), [frame - start for frame in frames if start <= frame < start + length])
        for start in starts
    ]


def _inside(face: Points | None, side: int) -> Points | None:
    """The mesh, if its centre is in the picture and it is no larger than that: others have no place in a stream."""
    if face is None:
        return None
    center, size = face[:, :2].mean(0), face[:, :2].std()
    return face if ((center >= 0) & (center <= side)).all() and size <= side else None
