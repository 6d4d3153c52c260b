"""Encode plan: frame rate, codes a frame, packet sizes and bit allocation of a stream."""

from dataclasses import dataclass
from fractions import Fraction

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.records import AudioInfo, CodingInfo, CodingMode, ContentRecord, VideoInfo
from bcdcodec.codec.encode.backend import EncodingModel
from bcdcodec.codec.encode.references import ReferencePlan
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.entropy.motion import MotionCoder
from bcdcodec.ratecontrol.plan import RatePlan


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodePlan:
    """Decisions that an encoder needs beside its settings.

    mode: None for the smallest of coded and context at the start of the stream. rate: bit allocation of a file;
    references are then sent ahead, and packets come one reference late. references: those of a file, None where they
    are decided on as frames come. duration_s: of the video, where it is known.
    """

    frame_rate: Fraction
    groups: int
    mode: CodingMode | None
    packet_windows: int
    reference_windows: int
    duration_s: float | None = None
    rate: RatePlan | None = None
    references: ReferencePlan | None = None
    audio: AudioInfo | None = None
    background: bytes | None = None

    @classmethod
    def of_settings(cls, model: EncodingModel, settings: EncodeSettings) -> "EncodePlan":
        """The plan of a call: nothing is known beyond what was asked."""
        limited = settings.mode is CodingMode.PACKED and settings.bitrate is not None
        return cls(
            frame_rate=settings.frame_rate or model.frame_rate,
            groups=settings.packed_groups(model) if limited else settings.groups or model.config.quantizer.groups,
            mode=settings.mode,
            packet_windows=settings.packet_windows,
            reference_windows=settings.reference_windows,
        )

    def header(
        self,
        model: EncodingModel,
        settings: EncodeSettings,
        content: ContentRecord,
        coder: MotionCoder,
        *,
        size: tuple[int, int],
        cropped: bool,
    ) -> StreamHeader:
        """Make the header of the stream, whose codes `coder` writes.

        size: width and height of the source in pixels. cropped: whether a face is followed.
        """
        config, is_live = model.config, settings.packet_frames is not None
        # Frame by frame nothing is denoised together, so that every packet is decoded by itself.
        window_frames, context_frames = config.window_frames + config.context_frames, config.context_frames
        if is_live:
            window_frames, context_frames = 1, 0
        return StreamHeader(
            model_id=model.model_id,
            video=VideoInfo(
                width=size[0],
                height=size[1],
                model_pixels=config.pixels,
                rate_num=self.frame_rate.numerator,
                rate_den=self.frame_rate.denominator,
                cropped=cropped,
            ),
            coding=CodingInfo(
                mode=coder.mode,
                groups=coder.groups,
                bits_per_code=config.quantizer.bits_per_code,
                seed=settings.seed,
                window_frames=window_frames,
                context_frames=context_frames,
            ),
            content=content,
            audio=self.audio,
            metadata=settings.metadata,
            plate=self.background,
            call=is_live,
        )
