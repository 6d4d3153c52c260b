"""Transcoding of a `.bcd` stream to a lower bitrate in the compressed domain, without pixels and without networks.

    summary.py: scan the stream -> variants.py: measure every variant -> write the first that fits the bitrate

Nothing here imports torch: codes are decoded and coded again with the integer tables of the weights file.
"""

import logging
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from bcdcodec.atomic import open_input, open_output
from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.records import MAX_RATE_TERM, MIN_FRAME_RATE, CodingMode
from bcdcodec.codec.progress import FileProgress
from bcdcodec.codec.transcode.summary import StreamSummary, scan_stream
from bcdcodec.codec.transcode.variants import OutputStream, RateReduction, TranscodeVariant, write_variants
from bcdcodec.entropy.motion import MotionCoder, coders_of_stream
from bcdcodec.entropy.tables import fit_rows
from bcdcodec.errors import ConfigError, RateError, WeightsError
from bcdcodec.ratecontrol.budget import MIN_BITRATE, allowed_bits
from bcdcodec.ratecontrol.controller import check_limits
from bcdcodec.ratecontrol.frame_dropping import decimate
from bcdcodec.ratecontrol.tuning import RateTuning
from bcdcodec.weightfile import weights_of_stream

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscodeResult:
    """Result of a transcode: the strongest reduction applied, and both streams."""

    reduction: RateReduction
    before: StreamSummary
    after: StreamSummary


def transcode(
    source: str | Path,
    target: str | Path | BinaryIO,
    *,
    bitrate: float | None = None,
    groups: int | None = None,
    progress: FileProgress = lambda done, total: None,
) -> TranscodeResult:
    """Write a stream again within `bitrate`, in bit/s of everything but audio, as when encoding.

    bitrate: None applies `RateReduction.RECODE` alone; else reductions apply in the order of `RateReduction`, no
    further than needed. groups: number of codes per frame that are kept, the first ones: one of
    `ModelConfig.group_counts` below the stream's; None keeps all. Audio, metadata, background plate, seed and unknown
    sections are copied; packets of unknown kinds are not. The weights are found by the id in the header; without them
    packed codes stay packed, and other modes cannot be read. Three passes; memory grows with the number of shots alone.
    progress: every frame counts twice, measured and written.

    Raises RateError with the smallest bitrate possible, BitstreamError for a damaged source, ConfigError for a bitrate
    or a number of groups out of range, VideoError for files that cannot be opened, WeightsError.
    """
    if bitrate is not None:
        check_limits(bitrate, None, RateTuning())
    reductions = [RateReduction.RECODE] if bitrate is None else list(RateReduction)
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
        measured = [OutputStream(nowhere, header, variant) for variant in _variants(before, coders, reductions)]
        write_variants(file, measured, decoder, frames_done=frames_done)
        variant = _choose(measured, reductions, bitrate)
        with open_output(target) as written:
            output = OutputStream(written, header, variant)
            write_variants(file, [output], decoder, frames_done=frames_done)
    return TranscodeResult(reduction=variant.reduction, before=before, after=output.summary)


def _coders(header: StreamHeader) -> dict[CodingMode, MotionCoder]:
    """Coders by mode that the stream can be written with, its own among them."""
    coding = header.coding
    try:
        weights = weights_of_stream(header.model_id)
    except WeightsError as error:
        if coding.mode is not CodingMode.PACKED:
            raise WeightsError(f"codes cannot be read without their tables: {error}") from error
        logger.warning("codes stay packed: %s", error)
        # Packed codes use only the size of the table.
        table = fit_rows(np.zeros((coding.groups, 1 << coding.bits_per_code), np.int64))
        return {CodingMode.PACKED: MotionCoder(CodingMode.PACKED, table, None)}
    return coders_of_stream(coding, weights)


def _check_groups(header: StreamHeader, groups: int) -> None:
    """ConfigError unless `groups` is a number of codes per frame that the weights allow, below the stream's own."""
    counts = [n for n in weights_of_stream(header.model_id).config.group_counts if n < header.coding.groups]
    if groups not in counts:
        fewer = f"{', '.join(map(str, counts))} may be kept" if counts else "none can be left out"
        raise ConfigError(f"groups is {groups}; of the {header.coding.groups} codes a frame of this stream {fewer}")


def _variants(
    source: StreamSummary, coders: dict[CodingMode, MotionCoder], reductions: Sequence[RateReduction]
) -> list[TranscodeVariant]:
    """Every variant of a stream under these reductions, the least changed first: ties go to the first."""
    variants = []
    for reduction in reductions:
        runs = decimate(source.runs, reduction.frame_step)
        if runs is None or not _can_be_written(source.header.video.frame_rate / reduction.frame_step):
            continue
        fewer = any(coder.groups < source.header.coding.groups for coder in coders.values())
        copied = [None] if reduction.frame_step == 1 and not fewer else []  # so that no stream ever grows
        variants += [
            TranscodeVariant(reduction=reduction, coder=coder, runs=runs) for coder in (*copied, *coders.values())
        ]
    return variants


def _can_be_written(rate: Fraction) -> bool:
    return rate >= MIN_FRAME_RATE and max(rate.numerator, rate.denominator) <= MAX_RATE_TERM


def _choose(
    measured: Sequence[OutputStream], reductions: Sequence[RateReduction], bitrate: float | None
) -> TranscodeVariant:
    """The smallest variant of the first reduction whose smallest variant fits."""
    least = math.inf
    for reduction in reductions:
        streams = [stream for stream in measured if stream.variant.reduction is reduction]
        if not streams:
            continue
        smallest = min(streams, key=lambda stream: stream.summary.video_bits)
        bits, duration_s = smallest.summary.video_bits, smallest.summary.duration_s
        if bitrate is None or bits <= allowed_bits(bitrate, duration_s):
            return smallest.variant
        least = min(least, bits / allowed_bits(1, duration_s))
    raise RateError(
        f"{bitrate:g} bit/s cannot hold this stream, whatever is left out; "
        f"{max(MIN_BITRATE, math.ceil(least))} bit/s is the least"
    )
