"""Results -> a page. In: results of every cell, comparisons, what was run. Out: Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from bcdcodec.evaluation.bench.cell import CellResult
from bcdcodec.evaluation.bench.curves import BdRate, Match
from bcdcodec.evaluation.bench.plan import Plan
from bcdcodec.evaluation.bench.series import OWN, Series
from bcdcodec.evaluation.bench.sets import SetDistance
from bcdcodec.evaluation.bench.transfer import CANDIDATES, MEASURES, TransferScore
from bcdcodec.evaluation.interval import interval
from bcdcodec.evaluation.metrics.table import METRICS

#: The rate at which the page compares, bit/s; the plan's nearest point of bcdcodec is taken.
COMPARED_AT = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything a page tells. own: the series of bcdcodec that others are compared with, at its point `point`."""

    plan: Plan
    about: Sequence[str]
    results: Sequence[CellResult]
    own: str
    point: int
    matches: Sequence[Match]
    bd_rates: Sequence[BdRate]
    sets: Sequence[SetDistance]
    plots: Sequence[str]
    sheet: Sequence[str]
    transfer: Sequence[str]


def page(found: Findings) -> str:
    """The whole page."""
    return "\n".join(
        [
            "# Results",
            "",
            "Written by `bcd bench`; do not edit.",
            "",
            *found.about,
            "",
            *_METHOD,
            "",
            "## At equal bytes",
            "",
            *_verdicts(found),
            "",
            *_match_table(found),
            "",
            "## Rate and distortion",
            "",
            *(f"![{name}]({name})" for name in found.plots),
            "",
            *_bd_table(found),
            "",
            *_set_table(found),
            *found.sheet,
            *found.transfer,
            "## Speed and memory",
            "",
            *_speed_table(found),
            "",
            "## Every point",
            "",
            *_point_table(found),
            "",
        ]
    )


_METHOD = """Every codec gets the same frames, without loss. Its file is written to disk and decoded from there; what
was coded at 128x128 is scaled back up (bicubic). kbps are the bytes of the coded pictures with their parameter sets
over the duration: for bcdcodec the whole `.bcd` file, for the others without the container (its bytes stand apart in
the last table), which favours them. Every stream begins with one key frame and has no other. Means of the clips' means;
intervals hold 95 % of the means when clips are redrawn.""".splitlines()


def transfer_lines(scores: Sequence[TransferScore]) -> list[str]:
    """The section on cross-identity transfer, empty where it was not measured."""
    if not scores:
        return []
    titles = [
        f"{name}{', ' + unit if unit else ''} {'↑' if higher else '↓'}" for name, (unit, higher) in MEASURES.items()
    ]
    lines = [
        "## Cross-identity transfer",
        "",
        *_TRANSFER,
        "",
        "| candidate | " + " | ".join(titles) + " |",
        "|---" * (1 + len(titles)) + "|",
    ]
    for candidate in CANDIDATES:
        cells = [candidate]
        for name in MEASURES:
            found = [score.values[name] for score in scores if score.candidate == candidate]
            values = [value for value in found if value is not None]
            missing = f", {len(found) - len(values)} without" if len(values) < len(found) else ""
            cells.append(interval(values).text(2) + missing if values else "-")
        lines.append(_row(cells))
    return [*lines, ""]


_TRANSFER = """The content of one person's clip moves as another person's clip does: each pair of a fixed list once.
*csim*: likeness to the content clip's first frame. *shape*, *motion*, *cross*: errors of a 3D face fitted to the videos
(docs/face3d.md), against the content clip, the motion clip, and the identity of the one with the motion of the other.
*ard*, *auh*: turn of the head and action units against the motion clip. Two more stand beside: the motion clip as it
is, which moves perfectly with the wrong face, and the content clip's first frame held, which does not move. The codec's
motion is relative to the start of a clip, so that a head that starts elsewhere stays elsewhere.""".splitlines()


def _verdicts(found: Findings) -> list[str]:
    """For each metric, whom bcdcodec beats at its own bytes: the interval of the gain lies on one side of nothing."""
    first = next(iter(found.matches), None)
    if first is None:
        return ["Nothing to compare with."]
    lines = [f"`{found.own}` at {found.point / 1000:g} kbps asked for, {first.kbps:.2f} kbps on disk:", ""]
    for metric in found.plan.metrics:
        groups: dict[str, list[str]] = {"better than": [], "worse than": [], "not clearly apart from": []}
        for item in found.matches:
            if item.metric == metric:
                side = "better than" if item.gain.low > 0 else "worse than" if item.gain.high < 0 else ""
                groups[side or "not clearly apart from"].append(item.rival)
        said = [f"{how} {', '.join(names)}" for how, names in groups.items() if names]
        lines.append(f"- **{metric}**: " + "; ".join(said) + ".")
    return lines


def _match_table(found: Findings) -> list[str]:
    lines = [
        "Gain: how much better bcdcodec is at its own bytes, clip by clip, in the metric's unit; negative is worse.",
        "A rival that cannot go so low is read at its smallest point; *reached*: the clips in which it can.",
        "",
        "| rival | its kbps | reached | " + " | ".join(_title(name) for name in found.plan.metrics) + " |",
        "|---" * (3 + len(found.plan.metrics)) + "|",
    ]
    by_rival: dict[str, dict[str, Match]] = {}
    for item in found.matches:
        by_rival.setdefault(item.rival, {})[item.metric] = item
    for rival, items in by_rival.items():
        first = next(iter(items.values()))
        cells = []
        for name in found.plan.metrics:
            one = items.get(name)
            cells.append("-" if one is None else f"{one.gain.text(_digits(name))}, {one.wins}/{one.clips}")
        lines.append(_row([rival, f"{first.rival_kbps:.2f}", f"{first.reached}/{first.clips}", *cells]))
    return lines


def _bd_table(found: Findings) -> list[str]:
    names = list(dict.fromkeys(item.metric for item in found.bd_rates))
    lines = [
        f"BD-rate: how many percent more bytes `{found.own}` takes than the rival for equal quality (negative: fewer),",
        "and between which qualities. *none*: the two have no quality in common.",
        "",
        "| rival | " + " | ".join(names) + " |",
        "|---" * (1 + len(names)) + "|",
    ]
    for rival in dict.fromkeys(item.anchor for item in found.bd_rates):
        items = {item.metric: item for item in found.bd_rates if item.anchor == rival}
        lines.append(_row([rival, *(_bd(items.get(name)) for name in names)]))
    return lines


def _bd(item: BdRate | None) -> str:
    if item is None or item.percent is None or item.overlap is None:
        return "none"
    digits = _digits(item.metric)
    return f"{item.percent:+.0f} % ({item.overlap[0]:.{digits}f} to {item.overlap[1]:.{digits}f})"


def _set_table(found: Findings) -> list[str]:
    if not found.sets:
        return []
    lines = [
        "### Distances between sets of frames",
        "",
        f"All decoded frames of a point against those of the source ({found.sets[0].frames} of each), by features of",
        "EfficientNet-lite0: not FID, not KID, not comparable with published numbers. Smaller is better.",
        "",
        "| series | point | kbps | Frechet | kernel |",
        "|---|---|---|---|---|",
    ]
    for item in found.sets:
        rates = [r.kbps for r in found.results if (r.series, r.point) == (item.series, item.point)]
        lines.append(
            _row([item.series, str(item.point), f"{mean(rates):.2f}", f"{item.frechet:.2f}", f"{item.kernel:.4f}"])
        )
    return [*lines, ""]


def _speed_table(found: Findings) -> list[str]:
    lines = [
        "Seconds of work a second of video, mean of all cells, with the threads named above and other cells beside;",
        "memory: the most a worker process held, networks and metrics included.",
        "",
        "| series | encode | decode | MiB |",
        "|---|---|---|---|",
    ]
    for series in _series(found):
        items = [item for item in found.results if item.series == series.name]
        peaks = [item.peak_mib for item in items if item.peak_mib is not None]
        times = [mean(getattr(item, part) / item.seconds for item in items) for part in ("encode_s", "decode_s")]
        memory = f"{max(peaks):.0f}" if peaks else "-"
        lines.append(_row([series.name, *(f"{time:.3f}" for time in times), memory]))
    return lines


def _point_table(found: Findings) -> list[str]:
    metrics = found.plan.metrics
    lines = [
        "*no face*: frames in which a metric of faces found none, in the source or decoded; they are in no mean.",
        "",
        "| series | point | kbps | container, kbps | no face | " + " | ".join(_title(name) for name in metrics) + " |",
        "|---" * (5 + len(metrics)) + "|",
    ]
    for series in _series(found):
        for point in series.points:
            items = [item for item in found.results if (item.series, item.point) == (series.name, point)]
            around = mean(8 * (item.file_bytes - item.payload_bytes) / item.seconds / 1000 for item in items)
            lost = sum(max(item.missing.values()) for item in items)
            cells = [series.name, str(point), f"{mean(item.kbps for item in items):.2f}", f"{around:.2f}", str(lost)]
            for name in metrics:
                values = [value for item in items if (value := item.metrics[name]) is not None]
                cells.append(f"{mean(values):.{_digits(name)}f}" if values else "-")
            lines.append(_row(cells))
    return lines


def _series(found: Findings) -> list[Series]:
    return sorted(found.plan.series, key=lambda item: item.codec != OWN)


def _title(name: str) -> str:
    metric = METRICS[name]
    return f"{name} {'↑' if metric.higher_is_better else '↓'}"


def _digits(name: str) -> int:
    return 2 if METRICS[name].unit or name == "vmaf" else 3


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
