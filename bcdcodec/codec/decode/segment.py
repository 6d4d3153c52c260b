"""Segments of frames that wait to be decoded, and the windows of pictures that they become."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.config import SamplingConfig
from bcdcodec.frame import CropBox

Motion = NDArray[np.float32]


class Segment:
    """Segment of frames from one key packet on, with what its next window is decoded from.

    content and noise: of the backend that decodes the segment, the first without a batch dimension, the second None for
    segments that are decoded without any; others: contents of the other references that its shot has; motion: code
    vectors of the frames that wait, float32 [n, G*D].
    frame_multiplier: frames decoded for a coded one. Frames between two coded ones get interpolated motion; none follow
    the last coded frame of a segment. index: of the first frame that waits, `frame_multiplier` to a tick of the stream.
    """

    def __init__(
        self,
        content: Any,
        box: CropBox,
        tick: int,
        motion: Motion,
        *,
        noise: Any = None,
        frame_multiplier: int = 1,
        others: tuple[Any, ...] = (),
    ) -> None:
        self.content, self.box, self.noise, self.others = content, box, noise, others
        self.next_tick = tick
        self.index = tick * frame_multiplier
        self.motion = motion[:0]
        self.context: Any = None  # latents [Tc, C, H, W], with their motion [Tc, G*D]
        self.context_motion: Motion | None = None
        self._frame_multiplier, self._last = frame_multiplier, motion[:1]
        self.append(motion[:1], interpolate=False)
        self.append(motion[1:])

    def append(self, motion: Motion, *, interpolate: bool = True) -> None:
        """Motion of more coded frames [n, G*D] at the end of the segment."""
        self.next_tick += len(motion)
        if interpolate and self._frame_multiplier > 1 and len(motion):
            before = np.concatenate([self._last, motion[:-1]])
            steps = np.arange(1, self._frame_multiplier + 1, dtype=np.float32) / np.float32(self._frame_multiplier)
            between = before[:, None] + steps[:, None] * (motion - before)[:, None]  # [n, k, G*D]
            between[:, -1] = motion
            motion = between.reshape(-1, motion.shape[1])
        self.motion = np.concatenate([self.motion, motion])
        self._last = motion[-1:] if len(motion) else self._last

    def skip(self, until: int) -> None:
        """Drop the frames before the index `until` that wait."""
        late = min(max(0, until - self.index), len(self.motion))
        self.motion, self.index = self.motion[late:], self.index + late


@dataclass(frozen=True, slots=True)
class DecodedWindow:
    """Pictures uint8 [n, P, P, 3] of the frames index, index + 1, ... of a segment."""

    segment: Segment
    index: int
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """How windows are decoded; segments share a batch where these are equal. sampling: no steps for the warp alone;
    window_frames: new frames a window; context_frames: those before it that it is given.
    """

    sampling: SamplingConfig
    window_frames: int
    context_frames: int
