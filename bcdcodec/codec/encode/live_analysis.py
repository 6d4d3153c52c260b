"""Analysis of a call: one frame at a time to a reference or to motion codes.

push -> crop by the shot's square -> landmarks, looked for in the square of the frame -> a window of one frame
                                  -> reference(): its picture                         -> motion(): its codes

A square that follows the head moves where the head is looked for, and nothing else: pictures keep the square of the
shot, and landmarks are positions in it, so that the head moves in the decoded picture as it does before the camera.
"""

import numpy as np

from bcdcodec.codec.encode.backend import EncodingModel
from bcdcodec.codec.encode.motion_analysis import MotionAnalysis
from bcdcodec.codec.encode.units import MotionUnit
from bcdcodec.codec.reference import PictureSearch, Reference, encode_reference
from bcdcodec.codec.window import Closeup, Window, WindowBuilder
from bcdcodec.errors import ConfigError
from bcdcodec.frame import CropBox, Frame
from bcdcodec.video.crop import crop, largest_square


class LiveAnalyzer:
    """Analyses one call's frames with constant memory. effort, groups: as of `Analyzer`."""

    def __init__(self, model: EncodingModel, *, effort: int, groups: int) -> None:
        self._model = model
        self._analysis = MotionAnalysis(model.encoder_backend, effort=effort, groups=groups)
        self._gathered = WindowBuilder(model)
        self._size: tuple[int, int] | None = None
        self._box: CropBox | None = None  # of the shot
        self._index = 0
        self._frame: Window | None = None  # the last one

    @property
    def box(self) -> CropBox:
        """Square of the shot: that of its first frame."""
        assert self._box is not None, "a shot with frames has a square"
        return self._box

    @property
    def has_face(self) -> bool:
        """Whether the last frame shows a face whose centre is in the picture."""
        landmarks = self._window.landmarks[0]
        if not len(landmarks) or not np.isfinite(landmarks).all():
            return False
        center = landmarks.mean(0)
        return bool(((center >= 0) & (center <= 1)).all())

    def push(self, frame: Frame, *, box: CropBox | None = None) -> None:
        """Take the next frame. box: square that follows the head (default: the largest centred one)."""
        size = (frame.width, frame.height)
        if self._size not in (None, size):
            raise ConfigError(f"frame is {frame.width}x{frame.height}, the stream began with {self._size}")
        box = box or largest_square(*size)
        own = self._box or box
        picture = crop(frame, own, self._model.config.pixels)
        closeup = None
        if box != own:
            closeup = Closeup.of_boxes(crop(frame, box, self._model.config.pixels), box, own)
        self._size, self._box, self._index = size, own, frame.index
        self._gathered.push(picture, closeup)
        self._frame = self._gathered.take()

    def new_shot(self) -> None:
        """Take the square of the next frame, and look for its face anew."""
        self._box = None
        self._gathered.new_shot()

    def reference(self, picture_bits: int) -> Reference:
        """Code the last frame as a reference of at most this size."""
        return encode_reference(self._model, self._window, picture_bits=picture_bits, frame=0, fast=True)

    def search_reference(self, picture_bits: int) -> PictureSearch:
        """Begin to code the last frame as a reference, in steps that are short enough for the time of a frame."""
        return PictureSearch(self._model, self._window, picture_bits=picture_bits, frame=0, fast=True)

    def motion(self, reference: Reference, number: int) -> MotionUnit:
        """Codes of the last frame, relative to a reference and its number."""
        codes, distances = self._analysis.codes(self._window, reference)
        return MotionUnit(self._index, codes, distances, number)

    @property
    def _window(self) -> Window:
        assert self._frame is not None, "push comes first"
        return self._frame


def join_motion(units: list[MotionUnit]) -> MotionUnit:
    """Motion of consecutive frames that is relative to one reference, as one packet's."""
    codes = np.concatenate([unit.codes for unit in units])
    distances = np.concatenate([unit.distances for unit in units])
    return MotionUnit(units[0].start, codes, distances, units[0].reference)
