"""Tables of docs/validation.md."""

from collections.abc import Sequence

from bcdcodec.evaluation.report.tables import number, table
from bcdcodec.studies.validation.codes import CodebookUsage
from bcdcodec.studies.validation.scores import ClipScore
from bcdcodec.studies.validation.summary import CANDIDATES, PSNR, Summary, metric_value, summarize

_PART_TITLES = {
    "all": "landmarks, all",
    "mouth": "landmarks, mouth",
    "eyes": "landmarks, eyes",
    "contour": "landmarks, face contour",
    "expression": "mouth and eyes, pose removed",
}


def page_tables(scores: Sequence[ClipScore], usage: CodebookUsage) -> dict[str, list[str]]:
    """Lines by marker. usage: of the codebooks in all streams."""
    summary = summarize(scores)
    return {
        "means": _means(summary),
        "rates": _rates(summary),
        "apertures": _apertures(summary),
        "codebooks": _codebooks(usage),
        "clips": _clips(scores),
    }


def _means(summary: Summary) -> list[str]:
    head = ["metric", "codec", "freeze frame", "mismatched content"]
    head += ["better than freeze frame", "better than mismatched content"]
    rows = []
    for item in summary.metrics:
        name, digits = ("PSNR, dB", 2) if item.metric == PSNR else (f"{_PART_TITLES[item.metric]}, %", 1)
        rows.append(
            [
                name,
                *(number(getattr(item, candidate), digits) for candidate in CANDIDATES),
                f"{item.beats_freeze_frame} of {item.clips_freeze_frame}",
                f"{item.beats_mismatched_content} of {item.clips_mismatched_content}",
            ]
        )
    if len(summary.metrics) > 1:
        rows.append(["frames without a face", *(str(summary.misses[name]) for name in CANDIDATES), "", ""])
    return table(head, rows)


def _rates(summary: Summary) -> list[str]:
    head = ["clips", "people", "s", "frames compared", "without a face in the source", "kbps of the file"]
    head += ["header and content, bits", "motion, bits a frame", "motion if packed, kbps"]
    row = [str(summary.clips), str(summary.people), f"{summary.seconds:.0f}", str(summary.frames)]
    row += [str(summary.source_misses), f"{summary.kbps:.2f}", f"{summary.header_content_bits:.0f}"]
    row += [f"{summary.motion_bits_per_frame:.1f}", f"{summary.packed_kbps:.2f}"]
    return table(head, [row])


def _apertures(summary: Summary) -> list[str]:
    rows = [[item.part, f"{item.correlation:.2f}", f"{item.gain:.2f}", str(item.clips)] for item in summary.apertures]
    return table(["aperture", "correlation", "gain", "clips"], rows) if rows else []


def _codebooks(usage: CodebookUsage) -> list[str]:
    bits, used = usage.entropy_bits, usage.used
    rows = [
        ["entropy of a codebook, bits", f"{usage.mean_bits:.2f}", f"{min(bits):.2f}", f"{max(bits):.2f}"],
        [f"entries used, of {usage.entries}", f"{sum(used) / len(used):.1f}", str(min(used)), str(max(used))],
        ["entropy of a frame, bits", f"{usage.frame_bits:.0f}", "", ""],
        [f"dead codebooks, of {len(used)}", str(usage.dead), "", ""],
    ]
    return table(["codes as sent", "mean or sum", "least", "most"], rows)


def _clips(scores: Sequence[ClipScore]) -> list[str]:
    head = ["clip", "s", "kbps", "header and content, bits", "motion, bits/frame", "PSNR, dB", "landmarks, %"]
    head += ["mouth, %", "pose removed, %", "faces missed"]
    rows = []
    for score in scores:
        errors = [_three(score, part, 1) for part in ("all", "mouth", "expression")]
        rates = [f"{score.kbps:.2f}", str(score.header_content_bits), f"{score.motion_bits_per_frame:.1f}"]
        missed = " / ".join("-" if (q := getattr(score, name)) is None else str(q.misses) for name in CANDIDATES)
        rows.append([f"`{score.clip}`", f"{score.seconds:.2f}", *rates, _three(score, PSNR, 2), *errors, missed])
    return table(head, rows)


def _three(score: ClipScore, metric: str, digits: int) -> str:
    return " / ".join(number(metric_value(getattr(score, name), metric), digits) for name in CANDIDATES)
