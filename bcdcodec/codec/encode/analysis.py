"""Frames to what is to be said of them. In: RGB frames, shot by shot. Out: contents and codes, for codec/encode/packetizer.py.

push -> crop -> window of frames -> latents -> (first windows of a content: its picture or token) -> codes and the
distances of all
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.codec.encode.refinement import Refiner
from bcdcodec.codec.encode.units import AnalyzedUnit, MotionUnit, ReferenceUnit
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.reference import decode_content, encode_content
from bcdcodec.errors import ConfigError
from bcdcodec.frame import CropBox, Frame
from bcdcodec.model.content import Content
from bcdcodec.video.crop import crop, largest_square


class Analyzer:
    """Constant memory. packet_windows: windows a packet; content_windows: windows that a content is chosen from.

    effort: steps of refinement (codec/encode/refinement.py). groups: codes a frame, the first of all. picture_bits: frame that a
    content is for -> size of its picture at most.
    """

    def __init__(
        self,
        model: CodecModel,
        *,
        packet_windows: int,
        content_windows: int,
        effort: int,
        groups: int,
        picture_bits: Callable[[int], int],
    ) -> None:
        self._model, self._refiner = model, Refiner(model, effort, groups=groups)
        self._packet_windows, self._content_windows = packet_windows, content_windows
        self._picture_bits = picture_bits
        self._size: tuple[int, int] | None = None
        self._box: CropBox | None = None
        self._window: list[NDArray[np.uint8]] = []
        self._latents: list[Tensor] = []  # whole windows waiting for their packet
        self._pixels: list[NDArray[np.uint8]] = []  # the same windows
        self._content: Content | None = None  # once it has been made
        self._next_index = 0
        #: Frames pushed so far.
        self.frames = 0

    def push(self, frame: Frame, *, box: CropBox | None = None) -> list[AnalyzedUnit]:
        """One frame; indices run 0, 1, 2 ... box: the shot's crop square (default: the largest centred one)."""
        if frame.index != self.frames:
            raise ConfigError(f"frame index is {frame.index}, expected {self.frames}")
        size = (frame.width, frame.height)
        self._size = self._size or size
        if self._size != size:
            raise ConfigError(f"frame is {frame.width}x{frame.height}, the stream began with {self._size}")
        box = box or largest_square(frame.width, frame.height)
        self._box = self._box or box
        if box != self._box:
            raise ConfigError("the crop square changed within a shot; call new_shot() first")
        self._window.append(crop(frame, box, self._model.config.pixels).pixels)
        self.frames += 1
        if len(self._window) == self._model.config.window_frames:
            return self._close_window(last=False)
        return []

    def refresh(self) -> list[AnalyzedUnit]:
        """The next frame begins a new content, of the same shot."""
        found = self._close_window(last=True)
        self._content = None
        return found

    def new_shot(self) -> list[AnalyzedUnit]:
        """The next frame begins another shot, with a content and a crop square of its own."""
        found = self.refresh()
        self._box = None
        return found

    def _close_window(self, *, last: bool) -> list[AnalyzedUnit]:
        if self._window:
            pixels = np.stack(self._window)
            self._latents.append(self._model.to_latents(pixels))
            self._pixels.append(pixels)
            self._window = []
        if not self._latents:
            return []
        found: list[AnalyzedUnit] = []
        if self._content is None:
            if not last and len(self._latents) < self._content_windows:
                return []
            found.append(self._make_content())
        while len(self._latents) >= self._packet_windows or (last and self._latents):
            found.append(self._make_motion())
            del self._latents[: self._packet_windows], self._pixels[: self._packet_windows]
        return found

    @torch.inference_mode()
    def _make_content(self) -> ReferenceUnit:
        start, box = self._next_index, self._box
        assert box is not None, "a shot with latents has a crop square"
        coding, data = encode_content(
            self._model,
            np.concatenate(self._pixels),
            torch.cat(self._latents),
            picture_bits=self._picture_bits(start),
        )
        self._content = decode_content(self._model, coding, data)  # as the decoder has it
        return ReferenceUnit(start, ContentRecord(x=box.x, y=box.y, size=box.size, coding=coding, data=data))

    @torch.inference_mode()
    def _make_motion(self) -> MotionUnit:
        content = self._content
        assert content is not None, "motion follows the content it is relative to"
        windows = zip(self._latents[: self._packet_windows], self._pixels, strict=False)
        results = [self._refiner.refine(z, content, pixels) for z, pixels in windows]
        codes = torch.cat([found for found, _ in results]).cpu().numpy()
        distances = torch.cat([found for _, found in results]).float().cpu().numpy()
        motion = MotionUnit(self._next_index, codes, distances)
        self._next_index = motion.end
        return motion
