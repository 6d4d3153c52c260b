"""Encode plan: what the passes over a file decide before it is written.

The first pass is run again where its outcome changes what is coded: with refreshes (motion is less where references are
nearer), with smaller packets, and at half the frame rate.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from bcdcodec.bitstream.records import AudioInfo, CodingMode
from bcdcodec.codec.encode.first_pass import run_first_pass
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.entropy.motion import MotionCoder
from bcdcodec.errors import RateError
from bcdcodec.ratecontrol.plan import RatePlan, plan_rate
from bcdcodec.ratecontrol.stats import FirstPassStats
from bcdcodec.video.shots import Shot, halve_frame_rate
from bcdcodec.video.source import MediaSource


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodePlan:
    """What an encoder works by, beside its settings.

    mode: None for the smallest of coded and context at the start of the stream. rate: bit allocation of a file;
    references are then sent ahead, and packets come one reference late. duration_s: of the video, where it is known.
    """

    frame_rate: Fraction
    groups: int
    mode: CodingMode | None
    packet_windows: int
    reference_windows: int
    duration_s: float | None = None
    rate: RatePlan | None = None
    audio: AudioInfo | None = None
    background: bytes | None = None

    @classmethod
    def of_settings(cls, model: CodecModel, settings: EncodeSettings) -> "EncodePlan":
        """The plan of a call: nothing is known beyond what was asked."""
        return cls(
            frame_rate=settings.frame_rate or model.frame_rate,
            groups=settings.groups or model.config.quantizer.groups,
            mode=settings.mode,
            packet_windows=settings.packet_windows,
            reference_windows=settings.reference_windows,
        )


def plan_encode(
    source: MediaSource,
    shots: list[Shot],
    *,
    model: CodecModel,
    settings: EncodeSettings,
    audio: AudioInfo | None,
    background: bytes | None,
    crop: bool,
    progress: Callable[[int, int], None],
) -> tuple[EncodePlan, list[Shot]]:
    """Plan a file whose shots are known; the shots come back at the frame rate that was chosen.

    audio, background: of its header. Without a bitrate to plan for no pass is needed. progress: frames of this pass and
    the next one, done and in all. Raises RateError (naming the least bitrate), VideoError.
    """
    plan = EncodePlan.of_settings(model, settings)
    reference_windows = max(plan.reference_windows, settings.tuning.file_reference_windows)
    plan = replace(plan, reference_windows=reference_windows, audio=audio, background=background)
    if settings.bitrate is None or settings.mode is CodingMode.PACKED:
        duration_s = float(sum(shot.frames for shot in shots) / plan.frame_rate)
        return replace(plan, duration_s=duration_s), shots
    planner = _Planner(source, model, settings, crop, progress)
    if settings.frame_rate is not None:
        return planner.plan(plan, shots), shots
    half_plan, half_shots = replace(plan, frame_rate=plan.frame_rate / 2), halve_frame_rate(shots)
    try:
        full = planner.plan(plan, shots)
    except RateError:
        return planner.plan(half_plan, half_shots), half_shots
    assert full.rate is not None, "a bitrate is planned for"
    if full.rate.motion_ratio(settings.bitrate) >= settings.tuning.min_motion_ratio:
        return full, shots
    return planner.plan(half_plan, half_shots), half_shots


@dataclass(frozen=True, slots=True)
class _Planner:
    """First passes over one source and the plans that they lead to."""

    source: MediaSource
    model: CodecModel
    settings: EncodeSettings
    crop: bool
    progress: Callable[[int, int], None]

    def plan(self, plan: EncodePlan, shots: list[Shot]) -> EncodePlan:
        """Complete a plan for its frame rate; packets that overfill the bucket are divided."""
        settings, tuning = self.settings, self.settings.tuning
        assert settings.bitrate is not None, "a bitrate is planned for"
        coder, rate = self._allocate(plan, shots)
        if settings.bucket_s is not None and plan.packet_windows > 1:
            room_bits = tuning.max_packet_bucket_share * settings.bucket_s * settings.bitrate
            if rate.largest_packet_bits(settings.bitrate) > room_bits:
                return self.plan(replace(plan, packet_windows=1), shots)
        duration_s = rate.stats.duration_s
        return replace(plan, groups=coder.groups, mode=coder.mode, rate=rate, duration_s=duration_s)

    def _allocate(self, plan: EncodePlan, shots: list[Shot]) -> tuple[MotionCoder, RatePlan]:
        """Run first passes until the refreshes that motion was analysed with are those of the allocation."""
        frames = sum(shot.frames for shot in shots)
        counts = self.model.config.group_counts if self.settings.groups is None else (self.settings.groups,)
        refreshes: frozenset[int] = frozenset()
        while True:
            candidates = run_first_pass(
                self.source,
                shots,
                model=self.model,
                settings=self.settings,
                frame_rate=plan.frame_rate,
                group_counts=counts,
                packet_windows=plan.packet_windows,
                reference_windows=plan.reference_windows,
                refreshes=refreshes,
                audio=plan.audio,
                background=plan.background,
                crop=self.crop,
                progress=lambda done: self.progress(done, 2 * frames),
            )
            coder, rate = self._choose_coder(candidates)
            if rate.refreshes == refreshes:
                return coder, rate
            refreshes, counts = rate.refreshes, (coder.groups,)

    def _choose_coder(self, candidates: list[tuple[MotionCoder, FirstPassStats]]) -> tuple[MotionCoder, RatePlan]:
        """Choose most codes a frame whose motion gets enough of its min-distortion bits, else the fewest.

        Raises RateError where those do not fit either.
        """
        bitrate, tuning = self.settings.bitrate, self.settings.tuning
        assert bitrate is not None, "a bitrate is planned for"
        bucket = self.settings.bucket_s is not None
        for coder, stats in candidates[:-1]:
            try:
                rate = plan_rate(stats, bitrate, bucket=bucket, tuning=tuning)
            except RateError:
                continue
            if rate.motion_ratio(bitrate) >= tuning.min_codes_ratio:
                return coder, rate
        coder, stats = candidates[-1]
        return coder, plan_rate(stats, bitrate, bucket=bucket, tuning=tuning)
