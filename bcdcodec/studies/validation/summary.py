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
        misses={name: sum(q.misses for q in _qualities(scores, name) if q is not None) for name in CANDIDATES},
        metrics=[item for item in compared if item.codec is not None or item.clips_freeze_frame],
        apertures=[item for part in OPENINGS if (item := _aperture(part, scores)) is not None],
    )


def metric_value(quality: Quality | None, metric: str) -> float | None:
    """PSNR or the landmark error of a part; None where it was not measured."""
    if quality is None:
        return None
    return quality.psnr_db if metric == PSNR else quality.landmarks.get(metric)


def _aperture(part: str, scores: Sequence[ClipScore]) -> ApertureSummary | None:
    fits = [score.codec.apertures[part] for score in scores if part in score.codec.apertures]
    if not fits:
        return None
    return ApertureSummary(
        part=part,
        clips=len(fits),
        correlation=mean(fit.correlation for fit in fits),
        gain=mean(fit.gain for fit in fits),
    )


def _qualities(scores: Sequence[ClipScore], candidate: str) -> list[Quality | None]:
    return [getattr(score, candidate) for score in scores]


def _compare(metric: str, scores: Sequence[ClipScore]) -> MetricSummary:
    columns = {name: [metric_value(quality, metric) for quality in _qualities(scores, name)] for name in CANDIDATES}
    sign = 1 if metric == PSNR else -1  # distances are better when they are small

    def wins(bound: str) -> tuple[int, int]:
        pairs = [(a, b) for a, b in zip(columns["codec"], columns[bound], strict=True) if b is not None]
        return sum(a is not None and sign * a > sign * b for a, b in pairs), len(pairs)

    known = {name: [value for value in column if value is not None] for name, column in columns.items()}
    means = {name: mean(values) if values else None for name, values in known.items()}
    (beats_freeze, clips_freeze), (beats_mismatched, clips_mismatched) = map(wins, CANDIDATES[1:])
    return MetricSummary(
        metric=metric,
        codec=means["codec"],
        freeze_frame=means["freeze_frame"],
        mismatched_content=means["mismatched_content"],
        beats_freeze_frame=beats_freeze,
        clips_freeze_frame=clips_freeze,
        beats_mismatched_content=beats_mismatched,
        clips_mismatched_content=clips_mismatched,
    )
