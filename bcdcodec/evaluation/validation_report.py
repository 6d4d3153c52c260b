"""Scores -> a summary and a page. In: ClipScores. Out: means and wins as JSON, tables as Markdown."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from bcdcodec.evaluation.codes import CodeUse, code_lines
from bcdcodec.evaluation.scores import PARTS, ClipScore, Quality
from bcdcodec.video.landmarks import OPENINGS

CANDIDATES = ("codec", "frozen", "borrowed")
PSNR = "psnr_db"
_PART_TITLES = {
    "all": "landmarks, all",
    "mouth": "landmarks, mouth",
    "eyes": "landmarks, eyes",
    "outline": "landmarks, outline of the face",
    "expression": "mouth and eyes, pose removed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One metric over all clips. Means are of clips, not of frames; None where nothing was measured.

    beats_*: clips in which the codec is better, out of clips_*; a codec without a value has lost.
    """

    metric: str
    codec: float | None
    frozen: float | None
    borrowed: float | None
    beats_frozen: int
    clips_frozen: int
    beats_borrowed: int
    clips_borrowed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One kind of opening over the clips in which the source moves it: means of correlation and amplitude."""

    part: str
    clips: int
    correlation: float
    amplitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Means over all clips; misses are counted over all frames. openings: of the codec."""

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
    comparisons: list[Comparison]
    openings: list[Opening]


def summarize(scores: Sequence[ClipScore]) -> Summary:
    """Means and wins of at least one clip; metrics that were measured nowhere are left out."""
    compared = [_compare(metric, scores) for metric in (PSNR, *PARTS)]
    comparisons = [item for item in compared if item.codec is not None or item.clips_frozen]
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
        comparisons=comparisons,
        openings=[found for part in OPENINGS if (found := _opening(part, scores)) is not None],
    )


def _opening(part: str, scores: Sequence[ClipScore]) -> Opening | None:
    found = [score.codec.following[part] for score in scores if part in score.codec.following]
    if not found:
        return None
    return Opening(
        part=part,
        clips=len(found),
        correlation=mean(item.correlation for item in found),
        amplitude=mean(item.amplitude for item in found),
    )


def _qualities(scores: Sequence[ClipScore], candidate: str) -> list[Quality | None]:
    return [getattr(score, candidate) for score in scores]


def _value(quality: Quality | None, metric: str) -> float | None:
    if quality is None:
        return None
    return quality.psnr_db if metric == PSNR else quality.landmarks.get(metric)


def _compare(metric: str, scores: Sequence[ClipScore]) -> Comparison:
    columns = {name: [_value(quality, metric) for quality in _qualities(scores, name)] for name in CANDIDATES}
    sign = 1 if metric == PSNR else -1  # distances are better when they are small

    def wins(rival: str) -> tuple[int, int]:
        met = [(a, b) for a, b in zip(columns["codec"], columns[rival], strict=True) if b is not None]
        return sum(a is not None and sign * a > sign * b for a, b in met), len(met)

    found = {name: [item for item in column if item is not None] for name, column in columns.items()}
    means = {name: mean(items) if items else None for name, items in found.items()}
    (beats_frozen, clips_frozen), (beats_borrowed, clips_borrowed) = wins("frozen"), wins("borrowed")
    return Comparison(
        metric=metric,
        codec=means["codec"],
        frozen=means["frozen"],
        borrowed=means["borrowed"],
        beats_frozen=beats_frozen,
        clips_frozen=clips_frozen,
        beats_borrowed=beats_borrowed,
        clips_borrowed=clips_borrowed,
    )


def markdown(scores: Sequence[ClipScore], *, about: Sequence[str], codes: CodeUse, sheet: Sequence[str]) -> str:
    """The page. about: lines on weights and settings. codes: of all streams. sheet: lines that show the contact sheet
    and name its sources.
    """
    summary = summarize(scores)
    return "\n".join(
        [
            "# Validation",
            "",
            "Written by `tools/validate.py`; do not edit.",
            "",
            *about,
            "",
            *_METHOD,
            "",
            "## Means",
            "",
            *_means_table(summary),
            "",
            *_rate_lines(summary),
            "",
            *_opening_table(summary),
            *code_lines(codes),
            *sheet,
            "## Clips",
            "",
            *_clip_table(scores),
            "",
        ]
    )


_METHOD = """Each clip goes through `encode_file` (no crop, no sound) to a `.bcd` on disk, and the frames decoded
from that file are compared as 8-bit RGB with the source at the codec's frame rate. PSNR is the mean of the ratios of
the frames. Landmark distances are means over points of a face mesh, in % of the distance between the outer corners of
the eyes; *pose removed*: after the decoded face was moved, turned and scaled onto the source's as a whole. The first
frame counts for nothing. *First frame* holds the source's first frame, at no bits and without loss. *Other content*
decodes the same motion with the content of another person's clip. A frame in which a face is not found is missing from
the landmark means of that column alone, and counted below them; a clip without any counts as lost.""".splitlines()


def _means_table(summary: Summary) -> list[str]:
    lines = [
        "| metric | codec | first frame | other content | better than first frame | better than other content |",
        "|---|---|---|---|---|---|",
    ]
    for found in summary.comparisons:
        name, digits = ("PSNR, dB", 2) if found.metric == PSNR else (f"{_PART_TITLES[found.metric]}, %", 1)
        values = [_number(getattr(found, candidate), digits) for candidate in CANDIDATES]
        wins = [f"{found.beats_frozen} of {found.clips_frozen}", f"{found.beats_borrowed} of {found.clips_borrowed}"]
        lines.append(_row([name, *values, *wins]))
    if len(summary.comparisons) > 1:
        lines.append(_row(["frames without a face", *(str(summary.misses[name]) for name in CANDIDATES), "", ""]))
    return lines


def _opening_table(summary: Summary) -> list[str]:
    if not summary.openings:
        return []
    rows = [
        _row([item.part, f"{item.correlation:.2f}", f"{item.amplitude:.2f}", str(item.clips)])
        for item in summary.openings
    ]
    return [
        "## Openings",
        "",
        "Whether lips and lids part when the source's do: over the frames of a clip, the correlation of their distance",
        "with the source's, and the slope of the one over the other. A held frame has 0 and 0, the source 1 and 1.",
        "Clips in which the source hardly moves them are left out.",
        "",
        "| opening | correlation | amplitude | clips |",
        "|---|---|---|---|",
        *rows,
        "",
    ]


def _rate_lines(summary: Summary) -> list[str]:
    return [
        f"{summary.clips} clips of {summary.people} people, {summary.seconds:.0f} s, {summary.frames} frames compared"
        + (f" ({summary.source_misses} without a face in the source)" if summary.source_misses else "")
        + f". Mean over the clips: {summary.kbps:.2f} kbps for the whole file,",
        f"{summary.header_content_bits:.0f} bits of header and content, "
        f"{summary.motion_bits_per_frame:.1f} bits of motion a frame; "
        f"packed, the motion alone would take {summary.packed_kbps:.2f} kbps.",
        "Short clips cost more kbps: the content token is paid once, whatever the length.",
    ]


def _clip_table(scores: Sequence[ClipScore]) -> list[str]:
    lines = [
        "Three values: codec / first frame / other content. Faces: frames in which the decoded one was not found.",
        "",
        "| clip | s | kbps | header and content, bits | motion, bits/frame | PSNR, dB | landmarks, % | mouth, % "
        "| pose removed, % | faces missed |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for score in scores:
        parts = [_three(score, part, 1) for part in ("all", "mouth", "expression")]
        rates = [f"{score.kbps:.2f}", str(score.header_content_bits), f"{score.motion_bits_per_frame:.1f}"]
        missed = " / ".join("-" if (q := getattr(score, name)) is None else str(q.misses) for name in CANDIDATES)
        lines.append(_row([f"`{score.clip}`", f"{score.seconds:.2f}", *rates, _three(score, PSNR, 2), *parts, missed]))
    return lines


def _three(score: ClipScore, metric: str, digits: int) -> str:
    return " / ".join(_number(_value(getattr(score, name), metric), digits) for name in CANDIDATES)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def summary_json(scores: Sequence[ClipScore], codes: CodeUse) -> dict[str, object]:
    """Means, wins, codebooks and every clip."""
    summary = {"summary": dataclasses.asdict(summarize(scores)), "codes": dataclasses.asdict(codes)}
    return {**summary, "clips": [score.to_json() for score in scores]}
