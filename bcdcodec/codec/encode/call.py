"""Encoding of a call, frame by frame: nothing is known ahead, and nothing may wait.

push -> live_analysis.py (codes of the frame) -> live_packetizer.py -> motion packet
     -> a picture, where one was asked for or bits are idle         -> parts of it beside the motion
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import Packet
from bcdcodec.bitstream.records import MAX_REFERENCE_NUMBER, ContentCoding, ContentRecord
from bcdcodec.codec.encode.backend import EncodingModel
from bcdcodec.codec.encode.first_pass import motion_coders
from bcdcodec.codec.encode.live_analysis import LiveAnalyzer, join_motion
from bcdcodec.codec.encode.live_packetizer import LivePacketizer
from bcdcodec.codec.encode.plan import EncodePlan
from bcdcodec.codec.encode.settings import EncodeSettings, check_packet_frames
from bcdcodec.codec.encode.units import MotionUnit, ReferenceUnit
from bcdcodec.codec.reference import PictureSearch, Reference, encode_blank
from bcdcodec.errors import ConfigError
from bcdcodec.frame import CropBox, Frame
from bcdcodec.ratecontrol.live import LiveController

#: Bytes by which the length of the picture makes its section of the header longer than that of an empty one.
LENGTH_BYTES = 2


@dataclass(frozen=True, slots=True, eq=False)
class _Picture:
    """A reference of the call. made: index of the frame that it shows."""

    reference: Reference
    number: int
    made: int


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """A picture that is being coded, an encoding a frame. made: index of the frame that it shows."""

    search: PictureSearch
    made: int
    is_asked: bool


class Call:
    """Encoder of one call with constant memory; made by `Encoder` of settings with `packet_frames`."""

    def __init__(self, model: EncodingModel, settings: EncodeSettings, plan: EncodePlan) -> None:
        assert settings.bitrate is not None and settings.bucket_s is not None, "checked by the settings"
        assert settings.packet_frames is not None, "a call has it"
        self._model, self._settings, self._plan = model, settings, plan
        self._packet_frames = settings.packet_frames
        self._controller = LiveController(settings.bitrate, bucket_s=settings.bucket_s, tuning=settings.tuning)
        self._analyzer = LiveAnalyzer(model, effort=settings.effort, groups=plan.groups)
        self._packetizer: LivePacketizer | None = None
        self._origin, self._next_index = 0, 0
        self._waiting: list[MotionUnit] = []
        self._used: _Picture | None = None  # that motion is relative to; None while a shot waits for its first
        self._coming: _Picture | None = None
        self._search: _Search | None = None
        self._next_number = 1
        self._is_asked = self._is_cut = False  # for the next frame
        self._is_there: Callable[[int], bool] = lambda number: True
        self._shot_box: CropBox | None = None  # of the shot as the stream has it
        self.header: StreamHeader | None = None

    @property
    def delay_frames(self) -> int:
        """Frames that follow a frame before its packet leaves, at most."""
        return self._packet_frames - 1

    @property
    def skipped_frames(self) -> int:
        """Frames without a packet."""
        return 0 if self._packetizer is None else self._packetizer.skipped_frames

    @property
    def has_face(self) -> bool:
        """Whether the last frame shows a face; False before the first."""
        return self.header is not None and self._analyzer.has_face

    def request_reference(self) -> None:
        """Send another picture from the next frame on, in parts beside the motion; no more where one is on its way."""
        self._is_asked = True

    def wait_for_references(self, is_there: Callable[[int], bool]) -> None:
        """Use no later picture before the receiver has it. is_there: tells by its number."""
        self._is_there = is_there

    def set_bitrate(self, bitrate: float) -> None:
        """Go on at another bitrate."""
        self._controller.set_bitrate(bitrate, self._seconds(self._next_index - 1))

    def set_packet_frames(self, packet_frames: int) -> None:
        """Go on with another number of frames a packet."""
        check_packet_frames(packet_frames)
        self._packet_frames = packet_frames

    def push(self, frame: Frame, *, box: CropBox | None) -> list[Packet]:
        """Encode one frame."""
        now = frame.index
        if now < self._next_index:
            raise ConfigError(f"frame index is {now}, needs at least {self._next_index}: indices of a call increase")
        self._analyzer.push(frame, box=box)
        if self._packetizer is None:
            self._packetizer = self._open(frame, is_cropped=box is not None)
        # Frames in between were dropped.
        packets = self._send_waiting(now) if self._is_cut or now > self._next_index else []
        self._next_index = now + 1
        coming = self._coming
        is_sent = coming is not None and self._packetizer.delivered == coming.number
        if coming is not None and is_sent:
            self._next_number = coming.number + 1  # one that was given up leaves its number to the next
        has_come = coming is not None and is_sent and (self._used is None or self._is_there(coming.number))
        if self._is_cut:
            self._begin_shot(self._packetizer)
        elif has_come and not self._waiting:
            self._used, self._coming = coming, None
        if self._used is None:
            self._packetizer.skip(1)
        else:
            self._waiting.append(self._analyzer.motion(self._used.reference, self._used.number))
            if len(self._waiting) >= self._packet_frames or now == self._origin:
                packets += self._send_waiting(now)
        if self._search is None:
            self._choose_reference(self._packetizer, now)
        elif self._search.search.step():
            self._finish_search(self._packetizer, self._search)
        motion_in = max(1, self._packet_frames - len(self._waiting))
        return packets + self._packetizer.send_references(now, motion_in=motion_in)

    def new_shot(self) -> list[Packet]:
        """Finish the shot: the next frame shows another scene, and nothing is sent but its picture until that came."""
        if self._packetizer is None:
            return []
        self._is_cut = True
        packets = self._send_waiting(self._next_index - 1)
        self._analyzer.new_shot()
        return packets

    def flush(self) -> list[Packet]:
        """Send the frames that wait; a picture on its way is given up."""
        return self._send_waiting(self._next_index - 1)

    def _open(self, frame: Frame, *, is_cropped: bool) -> LivePacketizer:
        """Make the header, with as large a picture of the first frame as its size allows."""
        model, settings, plan = self._model, self._settings, self._plan
        self._origin = self._next_index = frame.index
        (coder, *_) = motion_coders(model, plan.mode, plan.groups)

        def header_of(record: ContentRecord) -> StreamHeader:
            return plan.header(model, settings, record, coder, size=(frame.width, frame.height), cropped=is_cropped)

        self._shot_box = self._analyzer.box
        around_bytes = len(header_of(self._record(ContentCoding.PICTURE, b"")).pack()) + LENGTH_BYTES
        bits = self._controller.first_picture_bits(model.config.content.picture_bits)
        reference = self._analyzer.reference(min(bits, 8 * (settings.max_packet_bytes - around_bytes)))
        self._used = _Picture(reference, 0, frame.index)
        self.header = header_of(self._record(reference.coding, reference.data))
        self._controller.open(8 * len(self.header.pack()))
        return LivePacketizer(
            coder,
            self._controller,
            frame_rate=plan.frame_rate,
            key_interval_s=settings.key_interval_s,
            max_packet_bytes=settings.max_packet_bytes,
            most_references=settings.live_references,
            origin=frame.index,
        )

    def _begin_shot(self, packetizer: LivePacketizer) -> None:
        """Begin a scene with a picture that motion waits for.

        It is one more of the shot where the square is the same. Else, and where numbers are used up, a blank picture
        begins a shot of the stream and has number 0; frames name the picture after it, whose number is no other's.
        """
        self._is_cut, self._used, self._coming, self._search = False, None, None, None
        if self._analyzer.box != self._shot_box or self._next_number > MAX_REFERENCE_NUMBER:
            self._shot_box = self._analyzer.box
            self._next_number = 1 if self._next_number > MAX_REFERENCE_NUMBER else self._next_number
            packetizer.begin_shot(self._record(ContentCoding.PICTURE, encode_blank(self._model)))
        self._send_picture(packetizer, within_s=self._controller.tuning.live_shot_s, is_alone=True)

    def _choose_reference(self, packetizer: LivePacketizer, now: int) -> None:
        """Begin to send a picture where one was asked for, or where bits are idle."""
        used = self._used
        is_unknown = self._coming is not None and not packetizer.is_delivering  # sent, and waits to be there
        if used is None or packetizer.is_delivering_asked or is_unknown:
            self._is_asked = False
            return
        if self._is_asked:
            self._is_asked = False
            if self._next_number > MAX_REFERENCE_NUMBER:
                self._is_cut = True  # numbers begin anew
            else:
                self._send_picture(packetizer, within_s=self._controller.tuning.live_request_s)
            return
        if self._coming is not None or self._next_number > MAX_REFERENCE_NUMBER:
            return
        if used.reference.coding is ContentCoding.FACE and not self._analyzer.has_face:
            return
        bits = self._controller.idle_picture_bits(
            self._model.config.content.picture_bits,
            self._seconds(now),
            used_bits=8 * len(used.reference.data),
            age_s=float((now - used.made) / self._plan.frame_rate),
        )
        if bits is not None:
            self._begin_search(bits, is_asked=False)

    def _send_picture(self, packetizer: LivePacketizer, *, within_s: float, is_alone: bool = False) -> None:
        """Begin to send a picture of the last frame that was asked for."""
        bits = self._controller.picture_bits(
            self._model.config.content.picture_bits,
            self._seconds(self._next_index - 1),
            within_s=within_s,
            is_alone=is_alone,
        )
        if is_alone:
            self._deliver(packetizer, self._analyzer.reference(bits), self._next_index - 1, is_asked=True)
        else:
            self._begin_search(bits, is_asked=True)

    def _begin_search(self, bits: int, *, is_asked: bool) -> None:
        self._search = _Search(self._analyzer.search_reference(bits), self._next_index - 1, is_asked)

    def _finish_search(self, packetizer: LivePacketizer, search: _Search) -> None:
        self._search = None
        self._deliver(packetizer, search.search.reference(), search.made, is_asked=search.is_asked or self._is_asked)
        self._is_asked = False

    def _deliver(self, packetizer: LivePacketizer, reference: Reference, made: int, *, is_asked: bool) -> None:
        number = self._next_number
        self._coming = _Picture(reference, number, made)
        record = replace(self._record(reference.coding, reference.data), number=number)
        packetizer.deliver(ReferenceUnit(self._next_index - 1, record), is_asked=is_asked)

    def _record(self, coding: ContentCoding, data: bytes) -> ContentRecord:
        box = self._shot_box
        assert box is not None, "the header has one"
        return ContentRecord(x=box.x, y=box.y, size=box.size, coding=coding, data=data)

    def _send_waiting(self, now: int) -> list[Packet]:
        units, self._waiting = self._waiting, []
        if not units:
            return []
        assert self._packetizer is not None, "frames wait after the first one"
        return self._packetizer.send_motion(join_motion(units), now)

    def _seconds(self, index: int) -> float:
        return max(0.0, float((index - self._origin) / self._plan.frame_rate))
