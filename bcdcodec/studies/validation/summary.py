"""Means and wins over all clips."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from bcdcodec.studies.validation.scores import PARTS, ClipScore, Quality
from bcdcodec.video.landmarks import OPENINGS

CANDIDATES = ("codec", "freeze_frame", "mismatched_content")
PSNR = "psnr_db"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSummary:
    """One metric over all clips. Means are of clips, not of frames; None where nothing was measured.

    beats_*: clips in which the codec is better, out of clips_*; a codec without a value has lost.
    """

    metric: str
    codec: float | None
    freeze_frame: float | None
    mismatched_content: float | None
    beats_freeze_frame: int
    clips_freeze_frame: int
    beats_mismatched_content: int
    clips_mismatched_content: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApertureSummary:
    """One aperture over the clips in which the source moves it: means of the tracking fit."""

    part: str
    clips: int
    correlation: float
    gain: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Means over all clips; misses are counted over all frames. apertures: of the codec."""

    clips: int
    people: int
    seconds: float
    kbps: float
    header_content_bits: float
    motion_bits_per_frame: float
    packed_kbps: float
    frames: int
    source_misses: int
    misses: dict[str, int]
    metrics: list[MetricSummary]
    apertures: list[ApertureSummary]


def summarize(scores: Sequence[ClipScore]) -> Summary:
    """Means and wins of at least one clip; metrics that were measured nowhere are left out."""
    compared = [_compare(metric, scores) for metric in (PSNR, *PARTS)]
    codec = [score.codec.apertures for score in scores]
    fits = {part: [fit[part] for fit in codec if part in fit] for part in OPENINGS}
    return Summary(
        clips=len(scores),
        people=len({score.person for score in scores}),
        seconds=sum(score.seconds for score in scores),
        kbps=mean(score.kbps for score in scores),
        header_content_bits=mean(score.header_content_bits for score in scores),
        motion_bits_per_frame=mean(score.motion_bits_per_frame for score in scores),
        packed_kbps=mean(score.packed_kbps for score in scores),
        frames=sum(score.frames for score in scores),
        source_misses=sum(score.source_misses for score in scores),
        misses={name: sum(q.misses for s in scores if (q := getattr(s, name)) is not None) for name in CANDIDATES},
        metrics=[item for item in compared if item.codec is not None or item.clips_freeze_frame],
        apertures=[
            ApertureSummary(
                part=part,
                clips=len(own),
                correlation=mean(fit.correlation for fit in own),
                gain=mean(fit.gain for fit in own),
            )
            for part, own in fits.items()
            if own
        ],
    )


def metric_value(quality: Quality | None, metric: str) -> float | None:
    """PSNR or the landmark error of a part; None where it was not measured."""
    if quality is None:
        return None
    return quality.psnr_db if metric == PSNR else quality.landmarks.get(metric)


def _compare(metric: str, scores: Sequence[ClipScore]) -> MetricSummary:
    columns = {name: [metric_value(getattr(score, name), metric) for score in scores] for name in CANDIDATES}
    sign = 1 if metric == PSNR else -1  # distances are better when they are small
    known = {name: [value for value in column if value is not None] for name, column in columns.items()}
    wins = {
        bound: sum(
            other is not None and own is not None and sign * own > sign * other
            for own, other in zip(columns["codec"], columns[bound], strict=True)
        )
        for bound in CANDIDATES[1:]
    }
    means = {name: mean(values) if values else None for name, values in known.items()}
    return MetricSummary(
        metric=metric,
        **means,
        beats_freeze_frame=wins["freeze_frame"],
        clips_freeze_frame=len(known["freeze_frame"]),
        beats_mismatched_content=wins["mismatched_content"],
        clips_mismatched_content=len(known["mismatched_content"]),
    )
