"""Planner of a file: first passes, and the encode plan that they lead to.

shots -> first pass: what motion takes -> references.py: what pictures are sent -> first pass with these -> plan

The first pass is run again where its outcome changes what is coded: with more references than shots (motion is less
where they are nearer), with smaller packets, and at half the frame rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bcdcodec.codec.encode.first_pass import run_first_pass
from bcdcodec.codec.encode.job import EncodeJob
from bcdcodec.codec.encode.plan import EncodePlan
from bcdcodec.codec.encode.references import ReferencePlan, ReferenceSurvey
from bcdcodec.entropy.motion import MotionCoder
from bcdcodec.errors import RateError
from bcdcodec.ratecontrol.plan import RatePlan, plan_rate, reference_budget
from bcdcodec.ratecontrol.stats import FirstPassStats
from bcdcodec.video.shots import Shot, halve_frame_rate


def plan_encode(job: EncodeJob, shots: list[Shot], plan: EncodePlan) -> tuple[EncodePlan, list[Shot]]:
    """Complete the plan of a file whose shots are known; the shots come back at the frame rate that was chosen.

    Without a bitrate to plan for no pass is needed. The job's progress counts the frames of this pass and the next one.
    Raises RateError (naming the least bitrate), VideoError.
    """
    settings = job.settings
    plan = replace(plan, reference_windows=max(plan.reference_windows, settings.tuning.segment_windows))
    if settings.bitrate is None:
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
        plan, coder, rate = self._allocate(plan, shots)
        if settings.bucket_s is not None and plan.packet_windows > 1:
            room_bits = tuning.max_packet_bucket_share * settings.bucket_s * settings.bitrate
            if rate.largest_packet_bits(settings.bitrate) > room_bits:
                return self.plan(replace(plan, packet_windows=1), shots)
        duration_s = rate.stats.duration_s
        return replace(plan, groups=coder.groups, mode=coder.mode, rate=rate, duration_s=duration_s)

    def _allocate(self, plan: EncodePlan, shots: list[Shot]) -> tuple[EncodePlan, MotionCoder, RatePlan]:
        """Run a first pass, and a second one with the references that it leaves bits for."""
        job, settings = self.job, self.job.settings
        counts = job.model.config.group_counts if settings.groups is None else (settings.groups,)
        coder, rate = self._choose_coder(self._first_pass(plan, shots, counts))
        if not job.model.config.denoiser.warp_blocks or settings.tuning.central_reference:
            return plan, coder, rate
        plan = replace(plan, references=self._choose_references(plan, shots, rate.stats))
        return plan, *self._choose_coder(self._first_pass(plan, shots, (coder.groups,)))

    def _first_pass(
        self, plan: EncodePlan, shots: list[Shot], group_counts: Sequence[int]
    ) -> list[tuple[MotionCoder, FirstPassStats]]:
        frames = sum(shot.frames for shot in shots)
        return run_first_pass(
            self.job,
            shots,
            plan,
            group_counts=group_counts,
            progress=lambda done: self.job.progress(done, 2 * frames),
        )

    def _choose_references(self, plan: EncodePlan, shots: list[Shot], stats: FirstPassStats) -> ReferencePlan:
        """Run the pass that decides on the references."""
        settings = self.job.settings
        assert settings.bitrate is not None, "a bitrate is planned for"
        survey = ReferenceSurvey(
            self.job.model,
            frame_bits=reference_budget(stats, settings.bitrate, settings.tuning) / stats.frames,
            tuning=settings.tuning,
        )
        for done, _ in self.job.push_shots(shots, survey, plan.frame_rate):
            self.job.progress(done, 2 * stats.frames)
        return survey.plan

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
