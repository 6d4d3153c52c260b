"""Frames to packets. In: RGB frames of any size, shot by shot. Out: packets for bitstream/stream.py.

push -> analyser.py (what is to be said) -> emitter.py (what fits the bitrate) -> packets
"""

from dataclasses import dataclass, field
from fractions import Fraction

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import Packet
from bcdcodec.bitstream.records import AudioInfo, CodingInfo, CodingMode, ContentRecord, VideoInfo
from bcdcodec.codec.encode.analysis import Analyzer
from bcdcodec.codec.encode.packetizer import FRAMING_BYTES, Packetizer
from bcdcodec.codec.encode.units import AnalyzedUnit, MotionUnit, ReferenceUnit
from bcdcodec.codec.model import CodecModel
from bcdcodec.entropy.motion import MotionCoder, coder_modes, smallest_coder
from bcdcodec.entropy.static import code_cost_bits
from bcdcodec.errors import ConfigError, RateError
from bcdcodec.frame import CropBox, Frame
from bcdcodec.ratecontrol.controller import Controller
from bcdcodec.ratecontrol.plan import FilePlan


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeSettings:
    """How to encode. mode: None for whichever of coded and context makes the start of the stream smaller. bitrate:
    bit/s of everything but audio (packed: of motion alone), None for no limit. bucket_s: seconds of the bitrate that
    may be sent at once, None for any number (controller.py). seed: of the decoder's noise.

    packet_windows: encoder windows a packet; content_windows: windows buffered at the start of a shot before its
    content token is made (latency); key_interval_s: longest chain of frames that depend on each other. plan: of a
    file; contents are then sent ahead, and packets come one content late. effort: steps that refine the codes of every
    window (refiner.py); 20 take thirty times as long as none. groups: codes a frame, one of the model's `group_counts`;
    None for all, or for a file with a bitrate as many as suit it (survey.py).
    """

    mode: CodingMode | None = None
    bitrate: float | None = 4000.0
    bucket_s: float | None = 1.0
    frame_rate: Fraction | None = None
    seed: int = 0
    packet_windows: int = 2
    content_windows: int = 6
    effort: int = 0
    groups: int | None = None
    key_interval_s: float = 10.0
    duration_s: float | None = None
    plan: FilePlan | None = None
    audio: AudioInfo | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    plate: bytes | None = None


class Encoder:
    """Push-style encoder with constant memory; `flush` after the last frame. `header` exists once packets come out."""

    def __init__(self, model: CodecModel, settings: EncodeSettings | None = None) -> None:
        self.model = model
        self.settings = settings or EncodeSettings()
        self.frame_rate = self.settings.frame_rate or model.frame_rate
        if self.settings.mode is CodingMode.CONTEXT and model.predictor is None:
            raise ConfigError(f"mode context needs weights with a context model, {model.weights.path.name} has none")
        #: Codes a frame.
        self.groups = groups_of(model, self.settings)
        self._controller = self._make_controller()
        self._analyzer = Analyzer(
            model,
            packet_windows=self.settings.packet_windows,
            content_windows=self.settings.content_windows,
            effort=self.settings.effort,
            groups=self.groups,
            picture_bits=self._picture_bits,
        )
        self._refreshes = frozenset() if self.settings.plan is None else self.settings.plan.refreshes
        self._source: tuple[int, int] | None = None
        self._cropped = False
        self._header: StreamHeader | None = None
        self._emitter: Packetizer | None = None
        self._cheapest_frame_bits = float(code_cost_bits(model.tables.motion)[: self.groups].min(-1).sum())

    @property
    def header(self) -> StreamHeader:
        """The stream header; ConfigError before the first packets came out (the content token is part of it)."""
        if self._header is None:
            raise ConfigError("the header exists only once the first shot's content has been encoded; push more frames")
        return self._header

    @property
    def skipped_frames(self) -> int:
        """Frames so far that got no packet, because the limits had no room for one."""
        return 0 if self._emitter is None else self._emitter.skipped_frames

    @property
    def unused_bits(self) -> int:
        """What the bitrate allows a file beyond what was written; 0 without limits."""
        return 0 if self._controller is None else int(self._controller.unused_bits)

    def push(self, frame: Frame, *, box: CropBox | None = None) -> list[Packet]:
        """Encode one frame; indices run 0, 1, 2 ... box: the shot's crop square (default: the largest centred one)."""
        found = self._analyzer.refresh() if frame.index in self._refreshes else []
        found += self._analyzer.push(frame, box=box)
        if self._source is None:
            self._source, self._cropped = (frame.width, frame.height), box is not None
        return self._emit(found)

    def new_shot(self) -> list[Packet]:
        """Finish the shot: the next frame starts another one, with a content token and a crop square of its own."""
        return self._emit(self._analyzer.new_shot())

    def flush(self) -> list[Packet]:
        """Encode what is still buffered. ConfigError if no frame was ever pushed."""
        packets = self._emit(self._analyzer.new_shot())
        if self._emitter is None:
            raise ConfigError("no frame was pushed, there is nothing to encode")
        return packets + self._emitter.finish()

    def _emit(self, found: list[AnalyzedUnit]) -> list[Packet]:
        packets: list[Packet] = []
        for number, finding in enumerate(found):
            if self._emitter is not None:
                packets += self._emitter.take(finding)
            elif isinstance(finding, ReferenceUnit):
                self._emitter = self._begin(finding, found[number + 1 :])
        return packets

    def _begin(self, content: ReferenceUnit, found: list[AnalyzedUnit]) -> Packetizer:
        """Write the header; the motion that was found with its content says which mode is the smallest."""
        settings, model = self.settings, self.model
        packets = [finding.codes for finding in found if isinstance(finding, MotionUnit)]
        coder = smallest_coder(packets, coders_of(model, settings))
        assert self._source is not None, "a header is made after the first frame"
        self._header = make_header(
            model, settings, source=self._source, cropped=self._cropped, content=content.record, mode=coder.mode
        )
        if self._controller is not None:
            self._controller.open(8 * len(self._header.pack()))
        return Packetizer(
            coder,
            frame_rate=self.frame_rate,
            key_interval_s=settings.key_interval_s,
            controller=self._controller,
            lookahead=settings.plan is not None,
            sound=settings.audio is not None,
        )

    def _make_controller(self) -> Controller | None:
        settings = self.settings
        if settings.bitrate is None:
            return None
        if settings.mode is CodingMode.PACKED:
            self._check_packed_rate(settings.bitrate)
            return None
        return Controller(
            settings.bitrate, duration_s=settings.duration_s, bucket_s=settings.bucket_s, plan=settings.plan
        )

    def _picture_bits(self, start: int) -> int:
        """What the picture of the content from this frame on may take."""
        wished = self.model.config.content.picture_bits
        if self._controller is None:
            return wished
        packet_frames = self.settings.packet_windows * self.model.config.window_frames
        cheapest = self._cheapest_frame_bits + 8 * FRAMING_BYTES / packet_frames
        return self._controller.picture_bits(
            wished, float(start / self.frame_rate), cheapest_bps=cheapest * float(self.frame_rate)
        )

    def _check_packed_rate(self, bitrate: float) -> None:
        motion_bps = self.groups * self.model.config.quantizer.bits_per_code * self.frame_rate
        if motion_bps > bitrate:
            raise RateError(
                f"packed codes take {float(motion_bps):g} bit/s at {float(self.frame_rate):g} fps, "
                f"asked for are {bitrate:g}; lower the frame rate or use mode coded"
            )


def make_header(
    model: CodecModel,
    settings: EncodeSettings,
    *,
    source: tuple[int, int],
    cropped: bool,
    content: ContentRecord,
    mode: CodingMode,
) -> StreamHeader:
    """The header of a stream of a source of so many pixels (width, height)."""
    config, rate = model.config, settings.frame_rate or model.frame_rate
    return StreamHeader(
        model_id=model.weights.model_id,
        video=VideoInfo(
            width=source[0],
            height=source[1],
            model_pixels=config.pixels,
            rate_num=rate.numerator,
            rate_den=rate.denominator,
            cropped=cropped,
        ),
        coding=CodingInfo(
            mode=mode,
            groups=groups_of(model, settings),
            bits_per_code=model.config.quantizer.bits_per_code,
            seed=settings.seed,
            window_frames=config.window_frames + config.context_frames,
            context_frames=config.context_frames,
        ),
        content=content,
        audio=settings.audio,
        metadata=settings.metadata,
        plate=settings.plate,
    )


def groups_of(model: CodecModel, settings: EncodeSettings) -> int:
    """Codes a frame; ConfigError for a number that the model's streams do not have."""
    counts = model.config.group_counts
    if settings.groups is not None and settings.groups not in counts:
        raise ConfigError(f"groups is {settings.groups}, the weights allow {', '.join(map(str, counts))}")
    return settings.groups or counts[-1]


def coders_of(model: CodecModel, settings: EncodeSettings) -> list[MotionCoder]:
    """Those that codes may be written with, one for each mode."""
    modes = coder_modes(model.predictor) if settings.mode is None else [settings.mode]
    return [model.coder(mode, groups_of(model, settings)) for mode in modes]
