"""Results -> a page. In: comparisons, results, what was run. Out: Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bcdcodec.evaluation.bench.answers import answer_lines, match_lines
from bcdcodec.evaluation.bench.comparison import Comparison
from bcdcodec.evaluation.bench.number_lines import bd_lines, point_lines, set_lines, speed_lines
from bcdcodec.evaluation.bench.plan import Plan
from bcdcodec.evaluation.bench.published import CAVEATS, published
from bcdcodec.evaluation.bench.results import Results
from bcdcodec.evaluation.bench.runner import Failure
from bcdcodec.evaluation.bench.sets import SetDistance


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything a page tells. about: what was run. plots: files, by frame rate as `Series.rate` is written. sheet,
    transfer: sections, empty where there are none.
    """

    plan: Plan
    about: Sequence[str]
    results: Results
    comparisons: Sequence[Comparison]
    sets: Sequence[SetDistance]
    plots: Mapping[str, Sequence[str]]
    sheet: Sequence[str]
    transfer: Sequence[str]
    failures: Sequence[Failure]


def page(found: Findings) -> str:
    """The whole page."""
    plan, results = found.plan, found.results
    lines = ["# Results", "", "Written by `bcd bench`; do not edit.", "", *found.about, "", *_failures(found.failures)]
    lines += ["## Is it better at equal bytes, on unseen people?", ""]
    for item in found.comparisons:
        lines += answer_lines(plan, item)
    if not found.comparisons:
        lines += ["Nothing could be compared.", ""]
    lines += [*_METHOD, "", "## Every form at equal bytes", ""]
    for item in found.comparisons:
        lines += match_lines(plan, item)
    lines += ["## Rate and distortion", ""]
    if any(published(metric) for metric in plan.metrics):
        lines += [CAVEATS, ""]
    for rate, names in found.plots.items():
        lines += [f"### {rate} frames a second", "", *(f"![{name}]({name})" for name in names), ""]
        for item in found.comparisons:
            if f"{float(item.own.rate):g}" == rate:
                lines += bd_lines(item)
    lines += [*set_lines(plan, results, found.sets), *found.sheet, *found.transfer]
    lines += [*speed_lines(plan, results), *point_lines(plan, results)]
    return "\n".join(lines)


def _failures(failures: Sequence[Failure]) -> list[str]:
    if not failures:
        return []
    return [
        f"**{len(failures)} measurements failed and are left out of everything below:**",
        "",
        *(f"- {item.what}: {item.said}" for item in failures),
        "",
    ]


_METHOD = """*Unseen people*: neither the networks nor their tables were trained on any clip of a person who is seen
here.

The protocol is **self-reconstruction**: each clip is coded and compared with itself. (**Cross-identity transfer**,
the other protocol, has a section of its own.) Every codec gets the same frames, without loss. Its file is written to
disk and decoded from there; what was coded smaller is scaled back up to 256x256 (bicubic). kbps are the bytes of the
coded pictures with their parameter sets over the duration: for bcdcodec the whole `.bcd` file, for the others without
the container (its bytes stand apart in the last table), without text about the encoder, delimiters and filler, and
with each parameter set once, which favours them. Every stream begins with one key frame and has no other. *At equal
bytes*: the rival is read off its own curve at the very bytes that bcdcodec took for that clip; where it has no point
as low, it is said that it cannot go so low. Means of clips; 95 % intervals are Student's t over people, and with
fewer than six people there is no verdict. *First frame held*: the clip's first frame, without loss and at no
bytes.""".splitlines()
