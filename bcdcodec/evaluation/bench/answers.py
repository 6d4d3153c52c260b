"""What the benchmark was run for, in words. In: a `Comparison`. Out: three sentences and tables, as Markdown.

The question: at equal bytes, on unseen people, is bcdcodec better than each classical codec, by which metric, by how
much? Each codec answers in the form (size, profile) that does best against bcdcodec by the metric in question.
"""

from collections.abc import Sequence

from bcdcodec.evaluation.bench.comparison import Comparison
from bcdcodec.evaluation.bench.markdown import digits, table, title
from bcdcodec.evaluation.bench.matches import BETTER, BY_SIGN, EVEN, TOO_FEW, TOO_HIGH, WORSE, Match
from bcdcodec.evaluation.bench.plan import Plan
from bcdcodec.evaluation.bench.series import HELD, OWN, Series
from bcdcodec.evaluation.interval import LEAST_PEOPLE
from bcdcodec.evaluation.metrics.table import METRICS


def answer_lines(plan: Plan, found: Comparison) -> list[str]:
    """Three sentences and the compact table."""
    codecs = _codecs(plan, found)
    best = {
        (codec, metric): item
        for codec, forms in codecs.items()
        for metric in plan.metrics
        if (item := found.best_form(forms, metric)) is not None
    }
    return [
        f"### {float(found.own.rate):g} frames a second, {found.kbps:.2f} kbps on disk",
        "",
        f"{found.clips} clips of {found.people} people; bcdcodec was given a limit of {found.point / 1000:g} kbps.",
        "",
        f"1. At equal bytes bcdcodec is better than {_said(best, BETTER) or 'no codec by any metric'}.",
        f"2. At equal bytes it is worse than {_said(best, WORSE) or 'no codec by any metric'}.",
        f"3. {_rest(best)}",
        "",
        *_compact(plan, found, codecs, best),
        "",
    ]


def match_lines(plan: Plan, found: Comparison) -> list[str]:
    """Every form of every codec, and the first frame held."""
    head = ["rival", "at equal bytes", "cannot go so low", "its least, kbps", *(title(name) for name in plan.metrics)]
    rows = []
    for series in (series for forms in _codecs(plan, found).values() for series in forms):
        items = {name: item for name in plan.metrics if (item := found.of(series.name, name)) is not None}
        if not items:
            continue
        first = next(iter(items.values()))
        facts = [
            series.form,
            f"{first.clips} clips",
            f"{first.below} clips",
            "-" if first.least_kbps is None else f"{first.least_kbps:.2f}",
        ]
        rows.append([*facts, *(_gain(items.get(name)) for name in plan.metrics)])
    held = [_held(found, name) for name in plan.metrics]
    rows.append([f"{HELD}, no bytes", "-", "-", "-", *held])
    return [
        f"### {float(found.own.rate):g} frames a second",
        "",
        *_FORMS,
        f"The first three columns are those of {plan.metrics[0]}.",
        "",
        *table(head, rows),
        "",
    ]


_FORMS = f"""How much better bcdcodec is, clip by clip, in the metric's unit, with the 95 % interval over people,
and in how many of the clips; negative is worse. *(more)*: the rival goes so low in the clips of too few people
({LEAST_PEOPLE} are needed), and the gain is that over the rival at its least, which takes more bytes. Where a
rival's cheapest points lose too many faces, metrics of faces have fewer clips at equal bytes than the
others.""".splitlines()


def _codecs(plan: Plan, found: Comparison) -> dict[str, list[Series]]:
    """Codec -> its forms at the frame rate."""
    forms: dict[str, list[Series]] = {}
    for series in plan.series:
        if series.codec not in (OWN, HELD) and series.rate == found.own.rate:
            forms.setdefault(series.codec, []).append(series)
    return forms


def _said(best: dict[tuple[str, str], Match], verdict: str) -> str:
    """`x264 by dists (0.112), csim (0.414); x265 by ...`."""
    parts: dict[str, list[str]] = {}
    for (codec, metric), item in best.items():
        if item.verdict == verdict and item.gain is not None:
            parts.setdefault(codec, []).append(f"{metric} ({_amount(abs(item.gain.mean), metric)})")
    return "; ".join(f"{codec} by {', '.join(found)}" for codec, found in parts.items())


def _rest(best: dict[tuple[str, str], Match]) -> str:
    even: dict[str, list[str]] = {}
    high: dict[str, list[str]] = {}
    few: dict[str, list[str]] = {}
    for (codec, metric), item in best.items():
        if item.verdict == EVEN:
            even.setdefault(codec, []).append(metric)
        elif item.verdict == TOO_FEW:
            few.setdefault(codec, []).append(metric)
        elif item.verdict == TOO_HIGH:
            high.setdefault(codec, []).append(f"{metric}, {_more(item)}")
    said = []
    for groups, words in ((even, "not clearly apart are {}"), (few, "too few people to tell there are for {}")):
        if groups:
            said.append(words.format("; ".join(f"{codec} by {', '.join(found)}" for codec, found in groups.items())))
    if high:
        said.append("so low cannot go " + "; ".join(f"{codec} by {'; '.join(found)}" for codec, found in high.items()))
    text = ". ".join(part[0].upper() + part[1:] for part in said)
    return (text or "Every codec goes so low, and every difference is clear") + "."


def _more(item: Match) -> str:
    """What the rival has at its least, in words."""
    if item.least_kbps is None or item.least_gain is None:
        return "-"
    return (
        f"its least {item.least_kbps:.2f} kbps, {item.least_more:.0f} % more bytes: "
        f"{_signed(item.least_gain.mean, item.metric)}"
    )


def _compact(
    plan: Plan, found: Comparison, codecs: dict[str, list[Series]], best: dict[tuple[str, str], Match]
) -> list[str]:
    head = ["gain of bcdcodec", *codecs, f"{HELD} (no bytes)"]
    rows = []
    for metric in plan.metrics:
        cells = [_verdict(best.get((codec, metric)), codecs[codec]) for codec in codecs]
        rows.append([title(metric), *cells, _held(found, metric)])
    return [*table(head, rows), "", *_COMPACT]


_COMPACT = """Positive: bcdcodec is better, in the metric's unit; **bold** where the 95 % interval over people lies on
one side of 0. *Cannot go so low*: the number is what bcdcodec gains over the rival at its least, which takes more
bytes. A dash: there is no point with a value that counts, as too many faces are lost.""".splitlines()


def _verdict(item: Match | None, forms: Sequence[Series]) -> str:
    if item is None:
        return "-"
    form = "" if len(forms) == 1 else f" ({_short(item, forms)})"
    if item.verdict == TOO_HIGH:
        return f"{TOO_HIGH} ({_more(item)}){form}"
    if item.gain is None:
        return f"{item.verdict}{form}"
    amount = _signed(item.gain.mean, item.metric)
    bold = "**" if item.verdict in (BETTER, WORSE) else ""
    return f"{bold}{amount} {item.verdict}{bold}{form}"


def _short(item: Match, forms: Sequence[Series]) -> str:
    series = next(series for series in forms if series.name == item.rival)
    return f"{series.side} {series.profile}"


def _gain(item: Match | None) -> str:
    if item is None:
        return "-"
    if item.verdict == TOO_HIGH and item.least_gain is not None:
        return f"(more) {item.least_gain.text(digits(item.metric))}"
    if item.gain is None:
        return TOO_FEW
    return f"{item.gain.text(digits(item.metric))}, {item.wins}/{item.clips}"


def _held(found: Comparison, metric: str) -> str:
    gain = found.held.get(metric)
    if gain is None:
        return "-"
    bold = "**" if gain.sign else ""
    return f"{bold}{_signed(gain.mean, metric)} {BY_SIGN[gain.sign]}{bold}"


def _amount(value: float, metric: str) -> str:
    unit = METRICS[metric].unit
    return f"{value:.{digits(metric)}f}{' ' + unit if unit else ''}"


def _signed(value: float, metric: str) -> str:
    return f"{value:+.{digits(metric)}f}"
