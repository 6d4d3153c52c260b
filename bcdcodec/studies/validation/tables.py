"""Tables of docs/validation.md."""

from collections.abc import Sequence

from bcdcodec.evaluation.report.tables import number, table
from bcdcodec.studies.validation.chain import LINKS
from bcdcodec.studies.validation.codes import CodebookUsage
from bcdcodec.studies.validation.scores import COLUMNS, ClipScore
from bcdcodec.studies.validation.summary import (
    BOUNDS,
    PSNR,
    LinkSummary,
    MetricSummary,
    Summary,
    face_quality_of,
    metric_value,
    summarize,
)

COLUMN_TITLES = {
    "codec": "codec",
    "warp_only": "warp only",
    "references_held": "references held",
    "freeze_frame": "freeze frame",
    "mismatched_content": "mismatched content",
}
#: Columns of the table of clips.
_OF_CLIPS = ("codec", "freeze_frame", "mismatched_content")
_PART_TITLES = {
    "all": "landmarks, all",
    "mouth": "landmarks, mouth",
    "eyes": "landmarks, eyes",
    "irises": "landmarks, irises",
    "contour": "landmarks, face contour",
    "expression": "mouth and eyes, pose removed",
}
#: Parts of the table of links.
_OF_LINKS = ("all", "mouth", "eyes", "irises", "contour")


def page_tables(scores: Sequence[ClipScore], usage: CodebookUsage) -> dict[str, list[str]]:
    """Lines by marker. usage: of the codebooks in all streams."""
    summary = summarize(scores)
    return {
        "means": _means(summary),
        "rates": _rates(summary),
        "apertures": _apertures(summary),
        "chain": _chain(summary),
        "codebooks": _codebooks(usage),
        "clips": _clips(scores, [misses.judge for misses in summary.misses]),
    }


def _means(summary: Summary) -> list[str]:
    head = ["metric", "judge", *COLUMN_TITLES.values(), *(f"better than {COLUMN_TITLES[bound]}" for bound in BOUNDS)]
    rows = [_metric(item) for item in summary.metrics]
    for misses in summary.misses:
        shares = [number(misses.columns[name], 1) for name in COLUMNS]
        rows.append(["frames without a face, %", misses.judge, *shares, *[""] * len(BOUNDS)])
    return table(head, rows)


def _metric(item: MetricSummary) -> list[str]:
    name, digits = ("PSNR, dB", 2) if item.metric == PSNR else (f"{_PART_TITLES[item.metric]}, %", 1)
    means = [number(item.means[column], digits) for column in COLUMNS]
    return [name, item.judge or "", *means, *(f"{item.beats[bound]} of {item.clips[bound]}" for bound in BOUNDS)]


def _rates(summary: Summary) -> list[str]:
    head = ["clips", "people", "s", "frames compared", "kbps of the file"]
    head += ["header and content, bits", "motion, bits a frame", "motion if packed, kbps"]
    head += [f"without a face in the source, {misses.judge}" for misses in summary.misses]
    row = [str(summary.clips), str(summary.people), f"{summary.seconds:.0f}", str(summary.frames)]
    row += [f"{summary.kbps:.2f}", f"{summary.header_content_bits:.0f}"]
    row += [f"{summary.motion_bits_per_frame:.1f}", f"{summary.packed_kbps:.2f}"]
    return table(head, [row + [str(misses.source) for misses in summary.misses]])


def _apertures(summary: Summary) -> list[str]:
    rows = [
        [item.part, item.judge, COLUMN_TITLES[item.column], *_fit(item.correlation, item.gain), str(item.clips)]
        for item in summary.apertures
    ]
    return table(["aperture", "judge", "pictures", "correlation", "gain", "clips"], rows) if rows else []


def _fit(correlation: float, gain: float) -> tuple[str, str]:
    return f"{correlation:.2f}", f"{gain:.2f}"


def _chain(summary: Summary) -> list[str]:
    head = ["landmarks", "judge", *(f"{part}, %" for part in _OF_LINKS)]
    head += ["mouth: correlation, gain", "eyes: correlation, gain", "clips"]
    return table(head, [_link(item) for item in summary.chain]) if summary.chain else []


def _link(item: LinkSummary) -> list[str]:
    errors = [number(item.landmarks.get(part), 2) for part in _OF_LINKS]
    fits = [item.apertures.get(part) for part in ("mouth", "eyes")]
    shown = ["-" if fit is None else ", ".join(_fit(fit.correlation, fit.gain)) for fit in fits]
    return [LINKS[item.link], item.judge, *errors, *shown, str(item.clips)]


def _codebooks(usage: CodebookUsage) -> list[str]:
    bits, used = usage.entropy_bits, usage.used
    rows = [
        ["entropy of a codebook, bits", f"{usage.mean_bits:.2f}", f"{min(bits):.2f}", f"{max(bits):.2f}"],
        [f"entries used, of {usage.entries}", f"{sum(used) / len(used):.1f}", str(min(used)), str(max(used))],
        ["entropy of a frame, bits", f"{usage.frame_bits:.0f}", "", ""],
        [f"dead codebooks, of {len(used)}", str(usage.dead), "", ""],
    ]
    return table(["codes as sent", "mean or sum", "least", "most"], rows)


def _clips(scores: Sequence[ClipScore], judges: Sequence[str]) -> list[str]:
    head = ["clip", "s", "kbps", "header and content, bits", "motion, bits/frame", "PSNR, dB"]
    for judge in judges:
        head += [f"landmarks by {judge}, %", f"mouth by {judge}, %", f"pose removed by {judge}, %"]
        head += [f"faces missed by {judge}"]
    rows = []
    for score in scores:
        row = [f"`{score.clip}`", f"{score.seconds:.2f}", f"{score.kbps:.2f}", str(score.header_content_bits)]
        row += [f"{score.motion_bits_per_frame:.1f}", _three(score, PSNR, None, 2)]
        for judge in judges:
            row += [_three(score, part, judge, 1) for part in ("all", "mouth", "expression")]
            faces = [face_quality_of(getattr(score, name), judge) for name in _OF_CLIPS]
            row.append(" / ".join("-" if found is None else str(found.misses) for found in faces))
        rows.append(row)
    return table(head, rows)


def _three(score: ClipScore, metric: str, judge: str | None, digits: int) -> str:
    return " / ".join(number(metric_value(getattr(score, name), metric, judge), digits) for name in _OF_CLIPS)
