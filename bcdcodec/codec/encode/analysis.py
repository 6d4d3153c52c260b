"""Analysis: frames to references and motion codes with the distances of all entries.

push -> crop -> landmarks -> window of frames -> latents -> (windows from a reference on: its picture or token)
                                                         -> codes, distances
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from bcdcodec.bitstream.records import ContentCoding, ContentRecord
from bcdcodec.codec.encode.backend import EncodingModel
from bcdcodec.codec.encode.cropped_frame import CroppedFrame, FrameCropper
from bcdcodec.codec.encode.live_references import LiveReferences, new_frame
from bcdcodec.codec.encode.motion_analysis import MotionAnalysis
from bcdcodec.codec.encode.references import ReferencePlan
from bcdcodec.codec.encode.units import AnalyzedUnit, MotionUnit, ReferenceUnit
from bcdcodec.codec.reference import Reference, UncodedReference, defer_reference, encode_reference
from bcdcodec.codec.reference_choice import central_face
from bcdcodec.codec.window import Window, WindowBuilder
from bcdcodec.errors import ConfigError
from bcdcodec.frame import CropBox, Frame
from bcdcodec.video.crop import largest_square


class Analyzer:
    """Analyse one stream's frames with constant memory.

    packet_windows: encoder windows a packet; reference_windows: windows that the reference of a shot is chosen from;
    effort: steps of refinement (refinement.py); groups: codes a frame, the first of all; picture_bits: first frame of a
    reference, and whether its shot has others, to the largest size of its picture; references: of a file; live: rule of
    a call, without which a shot that nothing is planned for has one; central_reference: as in RateTuning;
    codes_pictures: False where no data of pictures is needed: units have none, and one that is not planned is a central
    frame.
    """

    def __init__(
        self,
        model: EncodingModel,
        *,
        packet_windows: int,
        reference_windows: int,
        effort: int,
        groups: int,
        picture_bits: Callable[[int, bool], int],
        references: ReferencePlan | None = None,
        live: LiveReferences | None = None,
        central_reference: bool = False,
        codes_pictures: bool = True,
    ) -> None:
        self._model = model
        self._analysis = MotionAnalysis(model.encoder_backend, effort=effort, groups=groups)
        self._packet_windows, self._reference_windows = packet_windows, reference_windows
        self._picture_bits, self._plan, self._live = picture_bits, references, live
        self._central_reference, self._codes_pictures = central_reference, codes_pictures
        self._size: tuple[int, int] | None = None
        self._box: CropBox | None = None
        self._cropper, self._gathered = FrameCropper(model), WindowBuilder(model)
        self._windows: list[Window] = []  # whole windows waiting for their packet
        self._references: dict[int, Reference | UncodedReference] = {}  # of the shot, by number
        self._next_index = 0
        #: Frames pushed so far.
        self.frames = 0

    def push(self, frame: Frame, *, box: CropBox | None = None) -> Iterable[AnalyzedUnit]:
        """Analyse one frame; indices run 0, 1, 2 ... box: the shot's crop square (default: the largest centred one).

        Units are to be consumed before the next frame comes. Those of a planned segment are made as they are taken, so
        that the size of a picture may depend on what was sent before it.
        """
        self._check(frame.index, (frame.width, frame.height), box)
        return self._add(self._cropper.crop(frame, box))

    def push_cropped(self, frame: CroppedFrame) -> Iterable[AnalyzedUnit]:
        """Analyse one frame that is cropped already, as `push` does."""
        self._check(frame.index, (frame.width, frame.height), frame.box)
        return self._add(frame)

    def _check(self, index: int, size: tuple[int, int], box: CropBox | None) -> None:
        """Refuse a frame out of order, or of another size or square than those before it, with ConfigError."""
        if index != self.frames:
            raise ConfigError(f"frame index is {index}, expected {self.frames}")
        self._size = self._size or size
        if self._size != size:
            raise ConfigError(f"frame is {size[0]}x{size[1]}, the stream began with {self._size}")
        box = box or largest_square(*size)
        self._box = self._box or box
        if box != self._box:
            raise ConfigError("the crop square changed within a shot; call new_shot() first")

    def _add(self, frame: CroppedFrame) -> Iterable[AnalyzedUnit]:
        units: Iterable[AnalyzedUnit] = ()
        if self._plan is not None and frame.index in self._plan.segments:
            units = self._close_segment(self._plan)
        self._gathered.add(frame.pixels, frame.landmarks)
        self.frames += 1
        if len(self._gathered) == self._model.config.window_frames:
            self._windows.append(self._gathered.take())
            if self._plan is None:
                units = self._close_windows(last=False)
        return units

    def new_shot(self) -> Iterable[AnalyzedUnit]:
        """Finish the shot: the next frame begins another one, with references and a crop square of its own."""
        units: Iterable[AnalyzedUnit]
        if self._plan is not None:
            units = self._close_segment(self._plan)
        else:
            if len(self._gathered):
                self._windows.append(self._gathered.take())
            units = self._close_windows(last=True)
            self._references = {}
        self._box = None
        self._cropper.new_shot()
        return units

    def flush(self) -> Iterable[AnalyzedUnit]:
        """Analyse what is still buffered, after the last frame."""
        return self.new_shot()

    def _close_windows(self, *, last: bool) -> list[AnalyzedUnit]:
        """The units of whole packets, once there is a reference; with `last` of all windows."""
        units: list[AnalyzedUnit] = []
        if self._windows and not self._references:
            if not last and len(self._windows) < self._reference_windows:
                return []
            units.append(self._add_reference(Window.joined(self._windows), None, self._box, number=0, drops=0))
        while len(self._windows) >= self._packet_windows or (last and self._windows):
            packet, self._windows = self._windows[: self._packet_windows], self._windows[self._packet_windows :]
            units += [self._make_motion(packet, 0)] if self._live is None else self._live_units(self._live, packet)
        return units

    def _live_units(self, live: LiveReferences, windows: list[Window]) -> list[AnalyzedUnit]:
        """The next packet of a call, and a new picture if one is due."""
        packet, end = Window.joined(windows), self._next_index + sum(len(window.pixels) for window in windows)
        number = live.choose(packet, new_bits=self._picture_bits(end, True))
        units: list[AnalyzedUnit] = [self._make_motion(windows, number)]
        due = live.due()
        if due is not None:
            number, drops = due
            units.append(self._add_reference(packet, new_frame(packet), self._box, number=number, drops=drops))
        return units

    def _close_segment(self, plan: ReferencePlan) -> Iterable[AnalyzedUnit]:
        """Finish a planned segment: its pictures, each before the first packet that uses it, and its motion."""
        if len(self._gathered):
            self._windows.append(self._gathered.take())
        windows, self._windows = self._windows, []
        return self._segment_units(plan, windows, self._box) if windows else ()

    def _segment_units(self, plan: ReferencePlan, windows: list[Window], box: CropBox | None) -> Iterator[AnalyzedUnit]:
        start, segment, waiting = self._next_index, Window.joined(windows), deque(windows)
        while waiting:
            picture, number = plan.pictures.get(self._next_index), plan.used[self._next_index]
            if picture is not None:
                index = picture.frame - start
                yield self._add_reference(segment, index, box, number=picture.number, drops=picture.drops)
            packet, end = [waiting.popleft()], self._next_index + self._model.config.window_frames
            while (
                waiting and len(packet) < self._packet_windows and plan.used[end] == number and end not in plan.pictures
            ):
                packet.append(waiting.popleft())
                end += self._model.config.window_frames
            yield self._make_motion(packet, number)

    def _add_reference(
        self, shot: Window, index: int | None, box: CropBox | None, *, number: int, drops: int
    ) -> ReferenceUnit:
        """Code a reference from the frame of this index, or from one that is chosen now."""
        start = self._next_index
        if index is None and not self._codes_pictures and not self._central_reference:
            index = central_face(shot)
        assert box is not None, "a shot with windows has a crop square"
        bits = self._picture_bits(start, number > 0)
        is_coded = self._codes_pictures or not self._model.config.content.picture_bits
        code = encode_reference if is_coded else defer_reference
        reference = code(self._model, shot, picture_bits=bits, frame=index, central=self._central_reference)
        if not number:
            self._references = {}
        if drops:
            del self._references[drops]
        self._references[number] = reference
        coding, data = ContentCoding.PICTURE, b""
        if isinstance(reference, Reference):
            coding, data = reference.coding, reference.data
            if self._live is not None:
                self._live.add(number, reference, drops=drops)
        record = ContentRecord(x=box.x, y=box.y, size=box.size, coding=coding, data=data, number=number, drops=drops)
        return ReferenceUnit(start, record)

    def _make_motion(self, windows: list[Window], number: int) -> MotionUnit:
        """The next packet, relative to the reference of this number."""
        reference = self._references[number]
        results = [self._analysis.codes(window, reference) for window in windows]
        codes = np.concatenate([nearest for nearest, _ in results])
        distances = np.concatenate([distances for _, distances in results])
        motion = MotionUnit(self._next_index, codes, distances, number)
        self._next_index = motion.end
        return motion
