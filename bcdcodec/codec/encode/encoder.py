"""Encoder: frames of one stream to packets, shot by shot.

push -> analysis.py (references, motion codes) -> packetizer.py (what fits the bitrate) -> packets
"""

from collections.abc import Callable, Iterable

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import Packet
from bcdcodec.bitstream.records import CodingMode
from bcdcodec.codec.encode.analysis import Analyzer
from bcdcodec.codec.encode.backend import EncodingModel
from bcdcodec.codec.encode.call import Call
from bcdcodec.codec.encode.cropped_frame import CroppedFrame
from bcdcodec.codec.encode.first_pass import motion_coders
from bcdcodec.codec.encode.live_references import LiveReferences
from bcdcodec.codec.encode.packetizer import Packetizer
from bcdcodec.codec.encode.plan import EncodePlan
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.encode.units import AnalyzedUnit, MotionUnit, ReferenceUnit
from bcdcodec.entropy.motion import smallest_coder
from bcdcodec.entropy.static import code_cost_bits
from bcdcodec.errors import ConfigError
from bcdcodec.frame import CropBox, Frame
from bcdcodec.ratecontrol.budget import FRAMING_BYTES
from bcdcodec.ratecontrol.controller import Controller


class Encoder:
    """Push-style encoder with constant memory; `flush` after the last frame. `header` exists once packets come out.
    One thread at a time may use it; any number of encoders may share a model.

    With `EncodeSettings.live` it works frame by frame (call.py), else in windows. plan: of a file; None where nothing
    is known ahead. Raises ConfigError, RateError for settings that cannot work.
    """

    def __init__(
        self,
        model: EncodingModel,
        settings: EncodeSettings | None = None,
        plan: EncodePlan | None = None,
    ) -> None:
        self.model = model
        self._settings = settings or EncodeSettings()
        self._settings.check(model)
        self.plan = plan or EncodePlan.of_settings(model, self.settings)
        self.frame_rate = self.plan.frame_rate
        #: Codes a frame.
        self.groups = self.plan.groups
        self._call = None if self.settings.packet_frames is None else Call(model, self.settings, self.plan)
        self._controller = None if self._call is not None else self._make_controller()
        self._analyzer = Analyzer(
            model,
            packet_windows=self.plan.packet_windows,
            reference_windows=self.plan.reference_windows,
            effort=self.settings.effort,
            groups=self.groups,
            picture_bits=self._picture_bits,
            references=self.plan.references,
            live=self._live_references(),
            central_reference=self.settings.tuning.central_reference,
        )
        self._size: tuple[int, int] | None = None
        self._cropped = False
        self._header: StreamHeader | None = None
        self._packetizer: Packetizer | None = None
        self._min_rate_frame_bits = float(code_cost_bits(model.tables.motion)[: self.groups].min(-1).sum())
        if self.settings.mode is CodingMode.PACKED:
            self._min_rate_frame_bits = float(self.groups * model.config.quantizer.bits_per_code)

    @property
    def settings(self) -> EncodeSettings:
        """What it was made with; another encoder takes others."""
        return self._settings

    @property
    def header(self) -> StreamHeader:
        """The stream header; ConfigError before the first packets came out (the content token is part of it)."""
        header = self._header if self._call is None else self._call.header
        if header is None:
            raise ConfigError("the header exists only once the first shot's content has been encoded; push more frames")
        return header

    @property
    def delay_frames(self) -> int:
        """Frames that follow a frame before its packet comes out, at most. ConfigError for a file, where frames wait
        for the plan.
        """
        if self._call is not None:
            return self._call.delay_frames
        if self.plan.rate is not None or self.plan.references is not None:
            raise ConfigError("the encoder of a file has no fixed delay")
        return max(self.plan.packet_windows, self.plan.reference_windows) * self.model.config.window_frames - 1

    @property
    def skipped_frames(self) -> int:
        """Frames so far that got no packet, because the limits had no room for one."""
        if self._call is not None:
            return self._call.skipped_frames
        return 0 if self._packetizer is None else self._packetizer.skipped_frames

    @property
    def has_face(self) -> bool:
        """Whether the last frame of a call shows a face. ConfigError for an encoder that works in windows."""
        return self._live_call("has_face").has_face

    @property
    def unused_bits(self) -> int:
        """Bits that the bitrate allows a file beyond those written; 0 without limits."""
        return 0 if self._controller is None else int(self._controller.unused_bits)

    def push(self, frame: Frame, *, box: CropBox | None = None) -> list[Packet]:
        """Encode one frame. box: the shot's crop square (default: the largest centred one).

        Indices run 0, 1, 2 ...; frame by frame they may leave some out, and `box` may follow the head.
        """
        if not isinstance(frame, Frame):
            raise ConfigError(
                f"push takes a Frame, got {type(frame).__name__}; make one by Frame(pixels=..., index=...)"
            )
        if self._call is not None:
            return self._call.push(frame, box=box)
        units = self._analyzer.push(frame, box=box)
        return self._packetize_frame(units, (frame.width, frame.height), box)

    def push_cropped(self, frame: CroppedFrame) -> list[Packet]:
        """Encode one frame of a file, in windows, that is cropped already."""
        return self._packetize_frame(self._analyzer.push_cropped(frame), (frame.width, frame.height), frame.box)

    def _packetize_frame(
        self, units: Iterable[AnalyzedUnit], size: tuple[int, int], box: CropBox | None
    ) -> list[Packet]:
        if self._size is None:
            self._size, self._cropped = size, box is not None
        return self._packetize(units)

    def new_shot(self) -> list[Packet]:
        """Finish the shot: the next frame begins another one, with a reference and a crop square of its own."""
        if self._call is not None:
            return self._call.new_shot()
        return self._packetize(self._analyzer.new_shot())

    def request_reference(self) -> None:
        """Send another picture, of the next frame, in parts between the motion packets, which go on; for a receiver
        that lost one or came late. While one that was asked for is on its way, no other is begun.
        """
        self._live_call("request_reference").request_reference()

    def wait_for_references(self, is_there: Callable[[int], bool]) -> None:
        """Make no frames from a later picture before the receiver is known to have it, by its number in the shot; but a
        new shot begins at once.
        """
        self._live_call("wait_for_references").wait_for_references(is_there)

    def set_bitrate(self, bitrate: float) -> None:
        """Go on at another bitrate, with as many seconds in the bucket. ConfigError for one out of range."""
        self._live_call("set_bitrate").set_bitrate(bitrate)

    def set_packet_frames(self, packet_frames: int) -> None:
        """Go on with another number of frames a packet, 1 to 4. ConfigError for others."""
        self._live_call("set_packet_frames").set_packet_frames(packet_frames)

    def _live_call(self, name: str) -> Call:
        if self._call is None:
            raise ConfigError(f"{name} needs an encoder with EncodeSettings.live(...), this one works in windows")
        return self._call

    def flush(self) -> list[Packet]:
        """Encode what is still buffered. ConfigError if no frame was ever pushed."""
        if self._call is not None and self._call.header is not None:
            return self._call.flush()
        packets = self._packetize(self._analyzer.flush())
        if self._packetizer is None:
            raise ConfigError("no frame was pushed, there is nothing to encode")
        return packets + self._packetizer.flush()

    def _packetize(self, units: Iterable[AnalyzedUnit]) -> list[Packet]:
        packets: list[Packet] = []
        if self._packetizer is None and self.plan.mode is None:
            units = list(units)  # what the mode is chosen by
        for unit in units:
            if self._packetizer is not None:
                packets += self._packetizer.push(unit)
            elif isinstance(unit, ReferenceUnit):
                self._packetizer = self._begin(unit, units if isinstance(units, list) else [])
        return packets

    def _begin(self, reference: ReferenceUnit, units: list[AnalyzedUnit]) -> Packetizer:
        """Make the header; the mode is the smallest for the motion that came with its reference."""
        settings, plan = self.settings, self.plan
        codes = [unit.codes for unit in units if isinstance(unit, MotionUnit)]
        coder = smallest_coder(codes, motion_coders(self.model, plan.mode, plan.groups))
        assert self._size is not None, "a header is made after the first frame"
        self._header = plan.header(
            self.model, settings, reference.record, coder, size=self._size, cropped=self._cropped
        )
        if self._controller is not None:
            self._controller.open(8 * len(self._header.pack()))
        return Packetizer(
            coder,
            frame_rate=plan.frame_rate,
            key_interval_s=settings.key_interval_s,
            controller=self._controller,
            lookahead=plan.rate is not None,
            audio=plan.audio is not None,
        )

    def _make_controller(self) -> Controller | None:
        settings, plan = self.settings, self.plan
        if settings.bitrate is None:
            return None
        return Controller(
            settings.bitrate,
            duration_s=plan.duration_s,
            bucket_s=settings.bucket_s,
            plan=plan.rate,
            tuning=settings.tuning,
        )

    def _live_references(self) -> LiveReferences | None:
        """The rule of a call; None for a file, which has a plan, for models without pictures, and for one a shot."""
        has_pictures = self.model.config.denoiser.warp_blocks and self.model.config.content.picture_bits
        most = self.settings.live_references
        if self.plan.duration_s is not None or not has_pictures or most == 1:
            return None
        return LiveReferences(self.model, most, is_sent=self._is_sent)

    def _is_sent(self, number: int) -> bool:
        return self._packetizer is not None and self._packetizer.has_sent(number)

    def _picture_bits(self, start: int, is_added: bool) -> int:
        """Largest size of the picture of a reference from this frame on, beside others of its shot or not."""
        target_bits = self.model.config.content.picture_bits
        if self._controller is None:
            return target_bits
        packet_frames = self.plan.packet_windows * self.model.config.window_frames
        frame_bits = self._min_rate_frame_bits + 8 * FRAMING_BYTES / packet_frames
        return self._controller.picture_bits(
            target_bits,
            float(start / self.frame_rate),
            min_rate_bps=frame_bits * float(self.frame_rate),
            is_added=is_added,
        )
