"""Tables of docs/results.md."""

from collections.abc import Callable, Mapping, Sequence
from statistics import mean
from typing import Any

from bcdcodec.evaluation.harness.intervals import BETTER, TOO_FEW, WORSE
from bcdcodec.evaluation.report.tables import counted, failure_lines, metric_digits, metric_title, number, table
from bcdcodec.studies.rate_distortion.bd_rates import MIN_SHARE, BdRate
from bcdcodec.studies.rate_distortion.comparison import RATE_TOO_HIGH, Comparison, EqualRateComparison
from bcdcodec.studies.rate_distortion.plan import FREEZE_FRAME, OWN, Plan, Series
from bcdcodec.studies.rate_distortion.scores import DistributionDistance, Results

#: Where all points of a baseline take fewer bytes than bcdcodec, so that none encloses its rate.
_RATE_TOO_LOW = "its points end below the rate"


def page_tables(
    plan: Plan, results: Results, comparisons: Sequence[Comparison], distances: Sequence[DistributionDistance]
) -> dict[str, list[str]]:
    """Lines by marker; blocks of several frame rates follow one another, each under a caption."""
    return {
        "gains": _blocks(comparisons, lambda item: _gains(plan, item)),
        "equal-rate": _blocks(comparisons, lambda item: _equal_rate(plan, item)),
        "bd-rates": _blocks(comparisons, _bd_rates),
        "distribution": _distribution(plan, results, distances),
        "speed": _speed(plan, results),
        "points": _points(plan, results),
        "excluded": _excluded(results),
    }


def run_lines(run: Mapping[str, Any], failures: Sequence[Mapping[str, str]]) -> list[str]:
    """The head of the page as a Markdown list, with the failures after it."""
    rates = ", ".join(f"{rate:g}" for rate in run["frame_rates"])
    people = counted(run["people"], "person").replace("persons", "people")
    return [
        f"- Command: `{run['command']}`.",
        f"- {counted(run['clips'], 'clip')} of {people}, the first {run['seconds']:g} s of each, {rates} "
        "frames a second, 256x256.",
        f"- Weights `{run['weights']}`, id `{run['model_id']}`; {counted(run['sampler_steps'], 'sampling step')}.",
        f"- {run['points']} points, {run['jobs']} at a time with {counted(run['threads'], 'thread')} each, "
        f"{run['processor']}, model on {run['device']}.",
        *failure_lines(failures, "measurements"),
    ]


def _blocks(comparisons: Sequence[Comparison], lines_of: Callable[[Comparison], list[str]]) -> list[str]:
    lines: list[str] = []
    for item in comparisons:
        lines += [
            f"{float(item.own.rate):g} frames a second, {item.kbps:.2f} kbps on disk with a limit of "
            f"{item.operating_point / 1000:g} kbps, {item.clips} clips of {item.people} people:",
            "",
            *lines_of(item),
            "",
        ]
    return lines[:-1]


def _gains(plan: Plan, item: Comparison) -> list[str]:
    """Gain over the strongest form of every codec."""
    codecs = _forms_by_codec(plan, item)
    rows = []
    for metric in plan.metrics:
        cells = [_gain_cell(item.strongest_form(forms, metric), forms) for forms in codecs.values()]
        rows.append([metric_title(metric), *cells, _freeze_frame_cell(item, metric)])
    return table(["gain of bcdcodec", *codecs, f"{FREEZE_FRAME} (no bytes)"], rows)


def _equal_rate(plan: Plan, item: Comparison) -> list[str]:
    """Gain over every form of every codec, with intervals."""
    head = ["baseline", "at equal rate", "rate too high", "minimum, kbps", *map(metric_title, plan.metrics)]
    rows = []
    for series in (series for forms in _forms_by_codec(plan, item).values() for series in forms):
        by_metric = {
            metric: compared for metric in plan.metrics if (compared := item.against(series.name, metric)) is not None
        }
        if not by_metric:
            continue
        first = next(iter(by_metric.values()))
        facts = [f"{first.clips} clips", f"{first.below} clips", number(first.min_kbps, 2)]
        rows.append([series.form, *facts, *(_interval_cell(by_metric.get(metric)) for metric in plan.metrics)])
    rows.append([f"{FREEZE_FRAME}, no bytes", "-", "-", "-", *(_freeze_frame_cell(item, m) for m in plan.metrics)])
    return table(head, rows)


def _forms_by_codec(plan: Plan, item: Comparison) -> dict[str, list[Series]]:
    """Baselines at the frame rate of a comparison, by codec."""
    forms: dict[str, list[Series]] = {}
    for series in plan.series:
        if series.codec not in (OWN, FREEZE_FRAME) and series.rate == item.own.rate:
            forms.setdefault(series.codec, []).append(series)
    return forms


def _gain_cell(compared: EqualRateComparison | None, forms: Sequence[Series]) -> str:
    if compared is None:
        return "-"
    form = ""
    if len(forms) > 1:
        (series,) = [series for series in forms if series.name == compared.baseline]
        form = f" ({series.side} {series.profile})"
    if compared.verdict == RATE_TOO_HIGH:
        return f"{RATE_TOO_HIGH} ({_at_min(compared)}){form}"
    if compared.gain is None:
        return f"- ({_RATE_TOO_LOW}){form}"
    bold, gain = "**" if compared.verdict in (BETTER, WORSE) else "", compared.gain
    shown = _signed(gain.mean, compared.metric)
    if compared.verdict == TOO_FEW and gain.low is not None and gain.high is not None:
        shown += f" ({_signed(gain.low, compared.metric)} to {_signed(gain.high, compared.metric)})"
    return f"{bold}{shown} {compared.verdict}{bold}{form}"


def _at_min(compared: EqualRateComparison) -> str:
    if compared.min_kbps is None or compared.gain_at_min is None:
        return "-"
    return (
        f"minimum {compared.min_kbps:.2f} kbps, {compared.min_excess_percent:.0f} % more: "
        f"{_signed(compared.gain_at_min.mean, compared.metric)}"
    )


def _interval_cell(compared: EqualRateComparison | None) -> str:
    if compared is None:
        return "-"
    digits = metric_digits(compared.metric)
    if compared.verdict == RATE_TOO_HIGH and compared.gain_at_min is not None:
        return f"(more) {compared.gain_at_min.text(digits)}"
    if compared.gain is None:
        return f"- ({_RATE_TOO_LOW})"
    return f"{compared.gain.text(digits)}, {compared.wins}/{compared.clips}"


def _freeze_frame_cell(item: Comparison, metric: str) -> str:
    gain = item.freeze_frame.get(metric)
    if gain is None:
        return "-"
    bold = "**" if gain.sign else ""
    return f"{bold}{_signed(gain.mean, metric)} {gain.verdict}{bold}"


def _signed(value: float, metric: str) -> str:
    return f"{value:+.{metric_digits(metric)}f}"


def _bd_rates(item: Comparison) -> list[str]:
    metrics = list(dict.fromkeys(rate.metric for rate in item.bd_rates))
    rates = {(rate.baseline, rate.metric): rate for rate in item.bd_rates}
    baselines = dict.fromkeys(rate.baseline for rate in item.bd_rates)
    rows = [[name, *(_bd_rate_cell(rates.get((name, metric))) for metric in metrics)] for name in baselines]
    return table(["baseline", *metrics], rows)


def _bd_rate_cell(rate: BdRate | None) -> str:
    if rate is None:
        return "-"
    if rate.percent is None or rate.overlap is None:
        return rate.why
    low, high = (f"{value:.{metric_digits(rate.metric)}f}" for value in rate.overlap)
    thin = ", thin" if rate.share < MIN_SHARE else ""
    points = f"{rate.points[0]} and {rate.points[1]} points"
    return f"{rate.percent:+.0f} % ({low} to {high}, {100 * rate.share:.0f} %{thin}; {points})"


def _distribution(plan: Plan, results: Results, distances: Sequence[DistributionDistance]) -> list[str]:
    names = ["Frechet", "kernel"] if plan.inception is None else ["FID", "KID"]
    rows = []
    for item in distances:
        kbps = mean(point.kbps for point in results.at(item.series, item.operating_point))
        values = [f"{kbps:.2f}", str(item.frames), number(item.frechet, 2), number(item.kernel, 4)]
        rows.append([item.series, str(item.operating_point), *values])
    return table(["series", "point", "kbps", "frames", *names], rows) if rows else []


def _speed(plan: Plan, results: Results) -> list[str]:
    rows = []
    for series in _ordered(plan):
        points = [point for value in series.points for point in results.at(series.name, value)]
        if series.codec == FREEZE_FRAME or not points:
            continue
        names = ("encode_s", "encode_cpu_s", "decode_s", "decode_cpu_s")
        times = [mean(getattr(point, name) / point.seconds for point in points) for name in names]
        machines = "; ".join(dict.fromkeys(point.on for point in points))
        rows.append([series.name, *(f"{time:.3f}" for time in times), machines])
    return table(["series", "encode", "encode, CPU", "decode", "decode, CPU", "on"], rows)


def _points(plan: Plan, results: Results) -> list[str]:
    """Means of every operating point; in brackets where it loses too many faces for a metric of faces."""
    rows = []
    for series in _ordered(plan):
        for value in series.points:
            points = results.at(series.name, value)
            if not points:
                continue
            container = mean(8 * (point.file_bytes - point.payload_bytes) / point.seconds / 1000 for point in points)
            facts = [f"{mean(point.kbps for point in points):.2f}", f"{container:.2f}", str(len(points))]
            means = [_mean_cell(results, series, value, metric) for metric in plan.metrics]
            rows.append([series.name, str(value), *facts, *means])
    return table(["series", "point", "kbps", "container, kbps", "clips", *map(metric_title, plan.metrics)], rows)


def _mean_cell(results: Results, series: Series, operating_point: int, metric: str) -> str:
    points = results.at(series.name, operating_point)
    values = [value for point in points if (value := point.metrics[metric]) is not None]
    if not values:
        return "-"
    text = f"{mean(values):.{metric_digits(metric)}f}"
    return text if operating_point in results.operating_points(series.name, metric) else f"({text})"


def _excluded(results: Results) -> list[str]:
    rows = [[item.series, str(item.operating_point), f"{item.lost:.0f}"] for item in results.excluded()]
    return table(["series", "point", "faces lost, %"], rows) if rows else []


def _ordered(plan: Plan) -> list[Series]:
    """bcdcodec first, the freeze frame second."""
    return sorted(plan.series, key=lambda series: (series.codec != OWN, series.codec != FREEZE_FRAME))
