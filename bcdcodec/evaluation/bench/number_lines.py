"""The numbers behind the answers. In: `Comparison`s and `Results`. Out: tables of a page."""

from collections.abc import Sequence
from statistics import mean

from bcdcodec.evaluation.bench.bd_rates import LEAST_POINTS, THIN, BdRate
from bcdcodec.evaluation.bench.comparison import Comparison
from bcdcodec.evaluation.bench.markdown import digits, table, title
from bcdcodec.evaluation.bench.plan import Plan
from bcdcodec.evaluation.bench.results import MOST_LOST, Results
from bcdcodec.evaluation.bench.series import HELD, OWN, Series
from bcdcodec.evaluation.bench.sets import SetDistance


def bd_lines(found: Comparison) -> list[str]:
    """BD-rates against every series of the frame rate."""
    names = list(dict.fromkeys(item.metric for item in found.bd_rates))
    of = {(item.anchor, item.metric): item for item in found.bd_rates}
    rows = [
        [anchor, *(_bd(of.get((anchor, name))) for name in names)]
        for anchor in dict.fromkeys(item.anchor for item in found.bd_rates)
    ]
    return [
        f"BD-rate of `{found.own.name}`:",
        *_BD,
        "",
        *table(["rival", *names], rows),
        "",
    ]


_BD = f"""how many percent more bytes it takes than the rival for equal quality (negative: fewer), of the mean
curves over the clips; between which qualities, how large a share of all that both reach together that is, and how
many points of bcdcodec and of the rival rise in rate and quality both. *Thin*: the share is below {
    100
    * THIN:.0f} %. *Always better*, *always worse*: every point of bcdcodec has a better, or a worse, quality than every
one of the rival, whatever the bytes. *Too few points*: fewer than {LEAST_POINTS} rise, or those that do have no
quality in common.""".splitlines()


def _bd(item: BdRate | None) -> str:
    if item is None:
        return "-"
    if item.percent is None or item.overlap is None:
        return item.why
    low, high = (f"{value:.{digits(item.metric)}f}" for value in item.overlap)
    sparse = ", thin" if item.share < THIN else ""
    points = f"{item.points[0]} and {item.points[1]} points"
    return f"{item.percent:+.0f} % ({low} to {high}, {100 * item.share:.0f} %{sparse}; {points})"


def set_lines(plan: Plan, results: Results, sets: Sequence[SetDistance]) -> list[str]:
    """Distances between sets, empty where they were not measured."""
    if not sets:
        return []
    if plan.inception is None:
        names, about = (
            ["Frechet", "kernel"],
            "by features of EfficientNet-lite0: not FID, not KID, not comparable with published numbers.",
        )
    else:
        names, about = ["FID", "KID"], "by features of InceptionV3. So few frames make FID too large."
    rows = []
    for item in sets:
        rate = mean(cell.kbps for cell in results.at(item.series, item.point))
        figures = [f"{rate:.2f}", str(item.frames), f"{item.frechet:.2f}", f"{item.kernel:.4f}"]
        rows.append([item.series, str(item.point), *figures])
    return [
        "### Distances between sets of frames",
        "",
        f"All decoded frames of a point against those of the source, {about}",
        "Smaller is better.",
        "",
        *table(["series", "point", "kbps", "frames", *names], rows),
        "",
    ]


def speed_lines(plan: Plan, results: Results) -> list[str]:
    """Time of every series."""
    rows = []
    for series in ordered(plan):
        cells = [cell for point in series.points for cell in results.at(series.name, point)]
        if series.codec == HELD or not cells:
            continue
        parts = ("encode_s", "encode_cpu_s", "decode_s", "decode_cpu_s")
        times = [mean(getattr(cell, part) / cell.seconds for cell in cells) for part in parts]
        on = "; ".join(dict.fromkeys(cell.on for cell in cells))
        rows.append([series.name, *(f"{time:.3f}" for time in times), on])
    return [
        "## Speed",
        "",
        *_SPEED,
        "",
        *table(["series", "encode", "encode, CPU", "decode", "decode, CPU", "on"], rows),
        "",
    ]


_SPEED = """Seconds of work a second of video, mean of all cells: by the clock, which counts what else the machine did,
and of processors. Memory is measured by `benchmarks/memory.py`, one process for each length of video: a process that
measures many codecs cannot tell what one of them takes.""".splitlines()


def point_lines(plan: Plan, results: Results) -> list[str]:
    """Means of every point, and which of them metrics of faces do not speak of."""
    rows = []
    for series in ordered(plan):
        for point in series.points:
            cells = results.at(series.name, point)
            if not cells:
                continue
            around = mean(8 * (cell.file_bytes - cell.payload_bytes) / cell.seconds / 1000 for cell in cells)
            facts = [f"{mean(cell.kbps for cell in cells):.2f}", f"{around:.2f}", str(len(cells))]
            rows.append([series.name, str(point), *facts, *(_mean(results, series, point, m) for m in plan.metrics)])
    left_out = results.left_out()
    lines = [
        "## Every point",
        "",
        *table(
            ["series", "point", "kbps", "container, kbps", "clips", *(title(name) for name in plan.metrics)],
            rows,
        ),
        "",
    ]
    if left_out:
        lines += [
            *_LEFT_OUT,
            "; ".join(f"{item.series} at {item.point} ({item.lost:.0f} % lost)" for item in left_out) + ".",
            "",
        ]
    return lines


_LEFT_OUT = f"""In brackets: means of metrics of faces over the frames in which a face is still found, at points that
lose more than {MOST_LOST:.0f} % of the source's faces. They flatter, and enter no curve and no comparison. Those points
are:""".splitlines()


def ordered(plan: Plan) -> list[Series]:
    """bcdcodec first, the held frame second."""
    return sorted(plan.series, key=lambda item: (item.codec != OWN, item.codec != HELD))


def _mean(results: Results, series: Series, point: int, metric: str) -> str:
    values = [value for cell in results.at(series.name, point) if (value := cell.metrics[metric]) is not None]
    if not values:
        return "-"
    text = f"{mean(values):.{digits(metric)}f}"
    return text if point in results.points(series.name, metric) else f"({text})"
