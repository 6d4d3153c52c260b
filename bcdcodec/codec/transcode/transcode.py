"""A stream at a lower bitrate, without pixels and without networks. In: a .bcd. Out: another one, for the same weights.

    outline.py: the stream is checked -> rewrite.py: every way to write it is measured -> the first that fits is written

Nothing here imports torch: codes are decoded and coded again with the integer tables of the weights file.
"""

import logging
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from bcdcodec.atomic import open_input, open_output
from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.records import MAX_RATE_TERM, MIN_FRAME_RATE, CodingMode
from bcdcodec.codec.transcode.summary import StreamSummary, scan_stream
from bcdcodec.codec.transcode.variants import Output, Plan, RateReduction, rewrite
from bcdcodec.entropy.motion import MotionCoder, coders_of_stream
from bcdcodec.entropy.tables import fit_rows
from bcdcodec.errors import ConfigError, RateError, WeightsError
from bcdcodec.ratecontrol.budget import MIN_BITRATE, allowed_bits
from bcdcodec.ratecontrol.controller import check_limits
from bcdcodec.ratecontrol.frame_dropping import decimate
from bcdcodec.ratecontrol.tuning import RateTuning
from bcdcodec.weightfile import weights_of_stream

logger = logging.getLogger(__name__)
#: (frames done, frames in all), where every frame counts twice: measured, then written.
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscodeResult:
    """lever: the last one that was pulled. before, after: what was read and what was written."""

    lever: RateReduction
    before: StreamSummary
    after: StreamSummary


def transcode(
    source: str | Path,
    target: str | Path | BinaryIO,
    *,
    bitrate: float | None = None,
    groups: int | None = None,
    progress: Progress = lambda done, total: None,
) -> TranscodeResult:
    """Write a stream anew with no more bits than `bitrate` allows: bit/s of all but the sound, as when encoding.

    groups: codes a frame that are kept, the first ones; one of `ModelConfig.group_counts` that is less than the stream
    has, None for all.
    Levers are pulled in the order of `Lever` and no further than needed; None for `Lever.RECODE` alone. Sound,
    metadata, plate, seed and unknown sections stay; packets of unknown kinds do not. The weights are found by the id in
    the header; without them packed codes stay packed, and others cannot be read. Three passes;
    memory grows with the number of shots alone.
    Raises RateError with the smallest bitrate possible, BitstreamError for a damaged source, ConfigError for a bitrate
    or a number of groups out of range, VideoError for files that cannot be opened, WeightsError.
    """
    if bitrate is not None:
        check_limits(bitrate, None, RateTuning())
    levers = [RateReduction.RECODE] if bitrate is None else list(RateReduction)
    done = 0

    def frames_done(frames: int) -> None:
        nonlocal done
        done += frames
        progress(done, 2 * before.stats.motion_frames)

    with open_input(source) as file, open(os.devnull, "wb") as nowhere:
        before = scan_stream(file)
        header = before.header
        coders = _coders(header)
        decoder = coders[header.coding.mode]
        if groups is not None:
            _check_groups(header, groups)
            coders = {mode: coder.first(groups) for mode, coder in coders.items()}
        measured = [Output(nowhere, header, plan) for plan in _plans(before, coders, levers)]
        rewrite(file, measured, decoder, frames_done=frames_done)
        plan = _choose(measured, levers, bitrate)
        with open_output(target) as written:
            output = Output(written, header, plan)
            rewrite(file, [output], decoder, frames_done=frames_done)
    return TranscodeResult(lever=plan.lever, before=before, after=output.outline)


def _coders(header: StreamHeader) -> dict[CodingMode, MotionCoder]:
    """By mode, those that the stream can be written with; its own is among them."""
    coding = header.coding
    try:
        weights = weights_of_stream(header.model_id)
    except WeightsError as error:
        if coding.mode is not CodingMode.PACKED:
            raise WeightsError(f"codes cannot be read without their tables: {error}") from error
        logger.warning("codes stay packed: %s", error)
        # Of a table, packed codes take only the size.
        table = fit_rows(np.zeros((coding.groups, 1 << coding.bits_per_code), np.int64))
        return {CodingMode.PACKED: MotionCoder(CodingMode.PACKED, table, None)}
    return coders_of_stream(coding, weights)


def _check_groups(header: StreamHeader, groups: int) -> None:
    """ConfigError where the weights of a stream cannot do with its first so many codes, or it has no more than that."""
    counts = [n for n in weights_of_stream(header.model_id).config.group_counts if n < header.coding.groups]
    if groups not in counts:
        fewer = f"{', '.join(map(str, counts))} may be kept" if counts else "none can be left out"
        raise ConfigError(f"groups is {groups}; of the {header.coding.groups} codes a frame of this stream {fewer}")


def _plans(source: StreamSummary, coders: dict[CodingMode, MotionCoder], levers: Sequence[RateReduction]) -> list[Plan]:
    """Every way to write the stream with these levers; of equally small ones the first is taken: it changes least."""
    plans = []
    for lever in levers:
        runs = decimate(source.runs, lever.frame_step)
        if runs is None or not _can_be_written(source.header.video.frame_rate / lever.frame_step):
            continue
        fewer = any(coder.groups < source.header.coding.groups for coder in coders.values())
        copied = [None] if lever.frame_step == 1 and not fewer else []  # so that no stream ever grows
        plans += [Plan(lever=lever, coder=coder, runs=runs) for coder in (*copied, *coders.values())]
    return plans


def _can_be_written(rate: Fraction) -> bool:
    return rate >= MIN_FRAME_RATE and max(rate.numerator, rate.denominator) <= MAX_RATE_TERM


def _choose(measured: Sequence[Output], levers: Sequence[RateReduction], bitrate: float | None) -> Plan:
    """The smallest stream of the first lever whose smallest fits."""
    least = math.inf
    for lever in levers:
        found = [output for output in measured if output.plan.lever is lever]
        if not found:
            continue
        smallest = min(found, key=lambda output: output.outline.video_bits)
        bits, duration_s = smallest.outline.video_bits, smallest.outline.duration_s
        if bitrate is None or bits <= allowed_bits(bitrate, duration_s):
            return smallest.plan
        least = min(least, bits / allowed_bits(1, duration_s))
    raise RateError(
        f"{bitrate:g} bit/s cannot hold this stream, whatever is left out; "
        f"{max(MIN_BITRATE, math.ceil(least))} bit/s is the least"
    )
