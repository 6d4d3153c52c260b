"""Analysis: frames to references and motion codes with the distances of all entries.

push -> crop -> landmarks -> window of frames -> latents -> (first windows of a reference: its picture or token)
                                                         -> codes, distances
"""

from collections.abc import Callable

import torch

from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.codec.encode.refinement import Refiner
from bcdcodec.codec.encode.units import AnalyzedUnit, MotionUnit, ReferenceUnit
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.reference import Reference, encode_reference
from bcdcodec.codec.window import Window, WindowBuilder
from bcdcodec.errors import ConfigError
from bcdcodec.frame import CropBox, Frame
from bcdcodec.video.crop import crop, largest_square


class Analyzer:
    """Analyse one stream's frames with constant memory.

    packet_windows: encoder windows a packet; reference_windows: windows that a reference is chosen from; effort: steps
    of refinement (refinement.py); groups: codes a frame, the first of all; picture_bits: first frame of a reference to
    the largest size of its picture; refreshes: frames at which a shot gets another reference;
    central_reference: as in RateTuning.
    """

    def __init__(
        self,
        model: CodecModel,
        *,
        packet_windows: int,
        reference_windows: int,
        effort: int,
        groups: int,
        picture_bits: Callable[[int], int],
        refreshes: frozenset[int] = frozenset(),
        central_reference: bool = False,
    ) -> None:
        self._model, self._refiner = model, Refiner(model, effort, groups=groups)
        self._packet_windows, self._reference_windows = packet_windows, reference_windows
        self._picture_bits, self._refreshes = picture_bits, refreshes
        self._central_reference = central_reference
        self._size: tuple[int, int] | None = None
        self._box: CropBox | None = None
        self._gathered = WindowBuilder(model)
        self._windows: list[Window] = []  # whole windows waiting for their packet
        self._reference: Reference | None = None  # None before it is made
        self._next_index = 0
        #: Frames pushed so far.
        self.frames = 0

    def push(self, frame: Frame, *, box: CropBox | None = None) -> list[AnalyzedUnit]:
        """Analyse one frame; indices run 0, 1, 2 ... box: the shot's crop square (default: the largest centred one)."""
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
        units = self._refresh() if frame.index in self._refreshes else []
        self._gathered.push(crop(frame, box, self._model.config.pixels))
        self.frames += 1
        if len(self._gathered) == self._model.config.window_frames:
            units += self._close_window(last=False)
        return units

    def new_shot(self) -> list[AnalyzedUnit]:
        """Finish the shot: the next frame begins another one, with a reference and a crop square of its own."""
        units = self._refresh()
        self._box = None
        self._gathered.new_shot()
        return units

    def flush(self) -> list[AnalyzedUnit]:
        """Analyse what is still buffered, after the last frame."""
        return self.new_shot()

    def _refresh(self) -> list[AnalyzedUnit]:
        """Finish the reference: the next frame begins another one of the same shot."""
        units = self._close_window(last=True)
        self._reference = None
        return units

    def _close_window(self, *, last: bool) -> list[AnalyzedUnit]:
        if len(self._gathered):
            self._windows.append(self._gathered.take())
        if not self._windows:
            return []
        units: list[AnalyzedUnit] = []
        if self._reference is None:
            if not last and len(self._windows) < self._reference_windows:
                return []
            units.append(self._make_reference())
        while len(self._windows) >= self._packet_windows or (last and self._windows):
            units.append(self._make_motion())
            del self._windows[: self._packet_windows]
        return units

    @torch.inference_mode()
    def _make_reference(self) -> ReferenceUnit:
        start, box = self._next_index, self._box
        assert box is not None, "a shot with windows has a crop square"
        self._reference = encode_reference(
            self._model,
            Window.joined(self._windows),
            picture_bits=self._picture_bits(start),
            central=self._central_reference,
        )
        coding, data = self._reference.coding, self._reference.data
        return ReferenceUnit(start, ContentRecord(x=box.x, y=box.y, size=box.size, coding=coding, data=data))

    @torch.inference_mode()
    def _make_motion(self) -> MotionUnit:
        reference = self._reference
        assert reference is not None, "motion follows the reference it is relative to"
        results = [self._refiner.refine(window, reference) for window in self._windows[: self._packet_windows]]
        codes = torch.cat([nearest for nearest, _ in results]).cpu().numpy()
        distances = torch.cat([distances for _, distances in results]).float().cpu().numpy()
        motion = MotionUnit(self._next_index, codes, distances)
        self._next_index = motion.end
        return motion
