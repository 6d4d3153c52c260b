"""Means and wins over all clips."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from bcdcodec.evaluation.metrics.judges import JUDGES
from bcdcodec.evaluation.metrics.landmarks import TrackingFit
from bcdcodec.studies.validation.chain import LINKS
from bcdcodec.studies.validation.scores import COLUMNS, ClipScore, FaceQuality, LinkScore, Quality

#: Columns that the codec is held against.
BOUNDS = ("warp_only", "references_held", "freeze_frame", "mismatched_content")
PSNR = "psnr_db"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSummary:
    """One metric over all clips. judge: that measured it, None for PSNR. means: of clips, not of frames, by column;
    None where nothing was measured.

    beats: clips in which the codec is better than a bound, out of `clips`; a codec without a value has lost.
    """

    judge: str | None
    metric: str
    means: dict[str, float | None]
    beats: dict[str, int]
    clips: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApertureSummary:
    """One aperture over the clips in which the source moves it: means of the tracking fit."""

    judge: str
    column: str
    part: str
    clips: int
    correlation: float
    gain: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MissSummary:
    """Frames without a face. source: of the source; columns: of each, in % of the frames in which the source has one,
    None where the column was not measured.
    """

    judge: str
    source: int
    columns: dict[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSummary:
    """One link of the chain by one judge: means over clips of the landmark errors, and of the tracking fits where the
    source moves a part.
    """

    judge: str
    link: str
    clips: int
    landmarks: dict[str, float]
    apertures: dict[str, TrackingFit]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Means over all clips; misses are counted over all frames."""

    clips: int
    people: int
    seconds: float
    kbps: float
    header_content_bits: float
    motion_bits_per_frame: float
    packed_kbps: float
    frames: int
    misses: list[MissSummary]
    metrics: list[MetricSummary]
    apertures: list[ApertureSummary]
    chain: list[LinkSummary]


def summarize(scores: Sequence[ClipScore]) -> Summary:
    """Means and wins of at least one clip; metrics that were measured nowhere are left out."""
    judges = [name for name in JUDGES if any(name in score.codec.faces for score in scores)]
    compared = [_compare(None, PSNR, scores)]
    compared += [_compare(name, part, scores) for name in judges for part in JUDGES[name].layout.names]
    return Summary(
        clips=len(scores),
        people=len({score.person for score in scores}),
        seconds=sum(score.seconds for score in scores),
        kbps=mean(score.kbps for score in scores),
        header_content_bits=mean(score.header_content_bits for score in scores),
        motion_bits_per_frame=mean(score.motion_bits_per_frame for score in scores),
        packed_kbps=mean(score.packed_kbps for score in scores),
        frames=sum(score.frames for score in scores),
        misses=[_misses(name, scores) for name in judges],
        metrics=[item for item in compared if any(value is not None for value in item.means.values())],
        apertures=[
            fit for name in judges for column in ("codec", "warp_only") for fit in _apertures(name, column, scores)
        ],
        chain=[link for name in judges for key in LINKS if (link := _link(name, key, scores)) is not None],
    )


def face_quality_of(quality: Quality | None, judge: str) -> FaceQuality | None:
    """The faces of a column by one judge; None where they were not measured."""
    return None if quality is None else quality.faces.get(judge)


def metric_value(quality: Quality | None, metric: str, judge: str | None = None) -> float | None:
    """PSNR, or the landmark error of a part by a judge; None where it was not measured."""
    if judge is None:
        return None if quality is None else quality.psnr_db
    faces = face_quality_of(quality, judge)
    return None if faces is None else faces.landmarks.get(metric)


def _compare(judge: str | None, metric: str, scores: Sequence[ClipScore]) -> MetricSummary:
    columns = {name: [metric_value(getattr(score, name), metric, judge) for score in scores] for name in COLUMNS}
    sign = 1 if metric == PSNR else -1  # distances are better when they are small
    known = {name: [value for value in column if value is not None] for name, column in columns.items()}
    wins = {
        bound: sum(
            other is not None and own is not None and sign * own > sign * other
            for own, other in zip(columns["codec"], columns[bound], strict=True)
        )
        for bound in BOUNDS
    }
    return MetricSummary(
        judge=judge,
        metric=metric,
        means={name: mean(values) if values else None for name, values in known.items()},
        beats=wins,
        clips={bound: len(known[bound]) for bound in BOUNDS},
    )


def _misses(judge: str, scores: Sequence[ClipScore]) -> MissSummary:
    columns: dict[str, float | None] = {}
    for name in COLUMNS:
        measured = [(score, faces) for score in scores if (faces := face_quality_of(getattr(score, name), judge))]
        wanted = sum(score.frames - score.source_misses[judge] for score, _ in measured)
        columns[name] = 100 * sum(faces.misses for _, faces in measured) / wanted if wanted else None
    return MissSummary(judge=judge, source=sum(score.source_misses.get(judge, 0) for score in scores), columns=columns)


def _apertures(judge: str, column: str, scores: Sequence[ClipScore]) -> list[ApertureSummary]:
    faces = [found for score in scores if (found := face_quality_of(getattr(score, column), judge)) is not None]
    return [
        ApertureSummary(judge=judge, column=column, part=part, clips=clips, correlation=fit.correlation, gain=fit.gain)
        for part, (clips, fit) in _mean_fits(judge, [found.apertures for found in faces]).items()
    ]


def _link(judge: str, link: str, scores: Sequence[ClipScore]) -> LinkSummary | None:
    found: list[LinkScore] = [score.chain[judge][link] for score in scores if link in score.chain.get(judge, {})]
    if not found:
        return None
    fits = _mean_fits(judge, [score.apertures for score in found])
    return LinkSummary(
        judge=judge,
        link=link,
        clips=len(found),
        landmarks={part: mean(score.landmarks[part] for score in found) for part in JUDGES[judge].layout.names},
        apertures={part: fit for part, (_, fit) in fits.items()},
    )


def _mean_fits(judge: str, fits: Sequence[dict[str, TrackingFit]]) -> dict[str, tuple[int, TrackingFit]]:
    """By part, in how many clips the source moves it, and the means of their fits."""
    own = {part: [fit[part] for fit in fits if part in fit] for part in JUDGES[judge].layout.openings}
    return {
        part: (
            len(some),
            TrackingFit(correlation=mean(fit.correlation for fit in some), gain=mean(fit.gain for fit in some)),
        )
        for part, some in own.items()
        if some
    }
