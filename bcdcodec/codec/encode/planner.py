"""Planner of a file: first passes, and the encode plan that they lead to.

The first pass is run again where its outcome changes what is coded: with refreshes (motion is less where references are
nearer), with smaller packets, and at half the frame rate.
"""

from dataclasses import dataclass, replace

from bcdcodec.bitstream.records import CodingMode
from bcdcodec.codec.encode.first_pass import run_first_pass
from bcdcodec.codec.encode.job import EncodeJob
from bcdcodec.codec.encode.plan import EncodePlan
from bcdcodec.entropy.motion import MotionCoder
from bcdcodec.errors import RateError
from bcdcodec.ratecontrol.plan import RatePlan, plan_rate
from bcdcodec.ratecontrol.stats import FirstPassStats
from bcdcodec.video.shots import Shot, halve_frame_rate


def plan_encode(job: EncodeJob, shots: list[Shot], plan: EncodePlan) -> tuple[EncodePlan, list[Shot]]:
    """Complete the plan of a file whose shots are known; the shots come back at the frame rate that was chosen.

    Without a bitrate to plan for no pass is needed. The job's progress counts the frames of this pass and the next one.
    Raises RateError (naming the least bitrate), VideoError.
    """
    settings = job.settings
    plan = replace(plan, reference_windows=max(plan.reference_windows, settings.tuning.file_reference_windows))
    if settings.bitrate is None or settings.mode is CodingMode.PACKED:
        duration_s = float(sum(shot.frames for shot in shots) / plan.frame_rate)
        return replace(plan, duration_s=duration_s), shots
    planner = _Planner(job)
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
    """First passes over one file and the plans that they lead to."""

    job: EncodeJob

    def plan(self, plan: EncodePlan, shots: list[Shot]) -> EncodePlan:
        """Complete a plan for its frame rate; packets that overfill the bucket are divided."""
        settings, tuning = self.job.settings, self.job.settings.tuning
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
        settings = self.job.settings
        counts = self.job.model.config.group_counts if settings.groups is None else (settings.groups,)
        refreshes: frozenset[int] = frozenset()
        while True:
            candidates = run_first_pass(
                self.job,
                shots,
                plan,
                group_counts=counts,
                refreshes=refreshes,
                progress=lambda done: self.job.progress(done, 2 * frames),
            )
            coder, rate = self._choose_coder(candidates)
            if rate.refreshes == refreshes:
                return coder, rate
            refreshes, counts = rate.refreshes, (coder.groups,)

    def _choose_coder(self, candidates: list[tuple[MotionCoder, FirstPassStats]]) -> tuple[MotionCoder, RatePlan]:
        """Choose most codes a frame whose motion gets enough of its min-distortion bits, else the fewest.

        Raises RateError where those do not fit either.
        """
        settings = self.job.settings
        bitrate, tuning = settings.bitrate, settings.tuning
        assert bitrate is not None, "a bitrate is planned for"
        bucket = settings.bucket_s is not None
        for coder, stats in candidates[:-1]:
            try:
                rate = plan_rate(stats, bitrate, bucket=bucket, tuning=tuning)
            except RateError:
                continue
            if rate.motion_ratio(bitrate) >= tuning.min_codes_ratio:
                return coder, rate
        coder, stats = candidates[-1]
        return coder, plan_rate(stats, bitrate, bucket=bucket, tuning=tuning)
