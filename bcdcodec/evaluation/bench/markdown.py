"""Tables of a page. In: titles and cells. Out: lines of Markdown."""

from collections.abc import Sequence

from bcdcodec.evaluation.metrics.table import METRICS


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table with one line a row."""
    return [row(head), "|---" * len(head) + "|", *map(row, rows)]


def row(cells: Sequence[str]) -> str:
    """One line."""
    return f"| {' | '.join(cells)} |"


def title(metric: str) -> str:
    """A metric and which way is better."""
    return f"{metric} {'↑' if METRICS[metric].higher_is_better else '↓'}"


def digits(metric: str) -> int:
    """Behind the point, when values of a metric are written down."""
    return 2 if METRICS[metric].unit or metric == "vmaf" else 3
