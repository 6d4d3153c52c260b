"""Encode settings: what the caller asks of an encoder, checked before any frame is read."""

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Self

from bcdcodec.bitstream.packet import MAX_PAYLOAD_BYTES
from bcdcodec.bitstream.records import MAX_REFERENCES, CodingMode
from bcdcodec.codec.encode.backend import EncodingModel
from bcdcodec.errors import ConfigError, RateError
from bcdcodec.ratecontrol.budget import FRAMING_BYTES
from bcdcodec.ratecontrol.controller import check_limits
from bcdcodec.ratecontrol.tuning import RateTuning

#: Frames of a packet of a call at most, its largest packet where nothing else is asked, and the smallest limit that
#: leaves room for a header.
MAX_LIVE_PACKET_FRAMES, MTU_BYTES, MIN_PACKET_BYTES = 4, 1200, 600


def check_packet_frames(packet_frames: int) -> None:
    """Refuse a number of frames a packet of a call that is out of range with ConfigError."""
    if not 1 <= packet_frames <= MAX_LIVE_PACKET_FRAMES:
        raise ConfigError(f"packet_frames is {packet_frames}, allowed are 1 to {MAX_LIVE_PACKET_FRAMES}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeSettings:
    """Parameters of an encoder.

    mode: None for the smallest of coded and context. bitrate: bit/s of everything but audio, None for no limit.
    bucket_s: seconds of the bitrate that may be sent at once, None for any number (ratecontrol/bucket.py). frame_rate:
    fps, None for the model's. groups: codes a frame, one of the model's `group_counts`; None for all, or where there is
    a bitrate as many as suit it: of a file (plan.py), of packed codes. seed: of the decoder's noise. effort: steps that
    refine the codes of every window (refinement.py); 20 take thirty times as long as none.

    packet_windows: encoder windows a packet; reference_windows: windows buffered before a reference is chosen among
    their frames (latency); key_interval_s: longest segment of frames that depend on each other. live_references:
    pictures that a shot of a call keeps, 1 where packets may get lost and are not sent again: until the shot ends, all
    frames that name a lost picture are lost. tuning: of the rate control.

    packet_frames: of a stream that is encoded frame by frame (`live`), None for one in windows; the three numbers of
    windows and pictures above are then not used. max_packet_bytes: largest packet and header of such a stream.
    """

    mode: CodingMode | None = None
    bitrate: float | None = 4000.0
    bucket_s: float | None = 1.0
    frame_rate: Fraction | None = None
    groups: int | None = None
    seed: int = 0
    effort: int = 0
    packet_windows: int = 2
    reference_windows: int = 6
    key_interval_s: float = 10.0
    live_references: int = MAX_REFERENCES
    metadata: dict[str, str] = field(default_factory=dict)
    tuning: RateTuning = field(default_factory=RateTuning)
    packet_frames: int | None = None
    max_packet_bytes: int = MTU_BYTES

    @classmethod
    def live(
        cls,
        *,
        bitrate: float = 4000.0,
        packet_frames: int = 1,
        max_packet_bytes: int = MTU_BYTES,
        bucket_s: float = 0.5,
        mode: CodingMode | None = None,
        frame_rate: Fraction | None = None,
        groups: int | None = None,
    ) -> Self:
        """Settings of a call: frame by frame, `packet_frames` a packet, references in parts beside the motion.

        mode: None for context where the weights have it, else coded.
        """
        return cls(
            bitrate=bitrate,
            packet_frames=packet_frames,
            max_packet_bytes=max_packet_bytes,
            bucket_s=bucket_s,
            mode=mode,
            frame_rate=frame_rate,
            groups=groups,
        )

    def check(self, model: EncodingModel) -> None:
        """Refuse settings that cannot work with this model. Raises ConfigError, RateError."""
        self._check_numbers()
        name = model.name
        if self.mode is CodingMode.CONTEXT and model.predictor is None:
            raise ConfigError(f"mode context needs weights with a context model, {name} has none")
        model.encoder_backend.check(self.effort)
        if not 1 <= self.live_references <= MAX_REFERENCES:
            raise ConfigError(f"live_references is {self.live_references}, allowed are 1 to {MAX_REFERENCES}")
        counts = model.config.group_counts
        if self.groups is not None and self.groups not in counts:
            raise ConfigError(f"groups is {self.groups}, the weights allow {', '.join(map(str, counts))}")
        if self.packet_frames is not None:
            self._check_live(model, self.packet_frames)
        if self.bitrate is None:
            return
        check_limits(self.bitrate, self.bucket_s, self.tuning)
        if self.mode is CodingMode.PACKED:
            self.packed_groups(model)

    def for_file(self, model: EncodingModel) -> Self:
        """These settings, at half of the model's frame rate where packed codes have no room at its whole and none is
        asked for. Raises ConfigError, RateError where they cannot work with this model.
        """
        try:
            self.check(model)
        except RateError:
            if self.mode is not CodingMode.PACKED or self.frame_rate is not None:
                raise
            halved = replace(self, frame_rate=model.frame_rate / 2)
            halved.check(model)
            return halved
        return self

    def _check_numbers(self) -> None:
        if not isinstance(self.frame_rate, Fraction | int | None):
            kind = type(self.frame_rate).__name__
            raise ConfigError(f"frame_rate is {self.frame_rate!r}, a {kind}, needs a Fraction such as 30000/1001")
        if self.frame_rate is not None and self.frame_rate <= 0:
            raise ConfigError(f"frame_rate is {self.frame_rate}, allowed are numbers above 0")
        for field_name in ("packet_windows", "reference_windows"):
            if (count := getattr(self, field_name)) < 1:
                raise ConfigError(f"{field_name} is {count}, allowed are 1 and more")
        if not self.key_interval_s > 0:
            raise ConfigError(f"key_interval_s is {self.key_interval_s:g}, allowed are numbers above 0")
        if self.effort < 0:
            raise ConfigError(f"effort is {self.effort}, allowed are 0 and more")

    def _check_live(self, model: EncodingModel, packet_frames: int) -> None:
        check_packet_frames(packet_frames)
        if not MIN_PACKET_BYTES <= self.max_packet_bytes <= MAX_PAYLOAD_BYTES:
            found, allowed = self.max_packet_bytes, f"{MIN_PACKET_BYTES} to {MAX_PAYLOAD_BYTES}"
            raise ConfigError(f"max_packet_bytes is {found}, allowed are {allowed}")
        if self.bitrate is None or self.bucket_s is None:
            raise ConfigError(
                f"bitrate is {self.bitrate} and bucket_s is {self.bucket_s}, a stream that is encoded frame by frame "
                "needs both"
            )
        if not model.config.content.picture_bits:
            name = model.name
            raise ConfigError(f"encoding frame by frame needs weights with reference pictures, {name} have none")

    def packed_groups(self, model: EncodingModel) -> int:
        """Most codes a frame that the bitrate has room for where they are packed, framing included.

        Raises RateError, naming the least bitrate, where there is none.
        """
        assert self.bitrate is not None, "only a bitrate limits packed codes"
        config, rate = model.config, self.frame_rate or model.frame_rate
        packet_frames = self.packet_frames or self.packet_windows * config.window_frames
        counts = sorted(config.group_counts if self.groups is None else (self.groups,), reverse=True)
        for groups in counts:
            frame_bits = groups * config.quantizer.bits_per_code + 8 * FRAMING_BYTES / packet_frames
            if frame_bits * rate <= self.bitrate:
                return groups
        raise RateError(
            f"packed codes of {groups} groups take {math.ceil(frame_bits * rate)} bit/s at {float(rate):g} fps beside "
            f"all pictures, asked for are {self.bitrate:g}; lower the frame rate, send fewer codes or use mode coded"
        )
