"""Markdown tables, and pages whose tables are generated between markers of prose that is written by hand.

<!-- table:NAME -->
| generated | lines |
<!-- end -->
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bcdcodec.atomic import write_text
from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.metrics.table import METRICS

END = "<!-- end -->"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, right: bool = False) -> list[str]:
    """Lines of a table, one a row. right: columns after the first are aligned to the right."""
    rest = " ---: |" if right else "---|"
    return [_row(head), ("| --- |" if right else "|---|") + rest * (len(head) - 1), *map(_row, rows)]


def number(value: float | None, digits: int) -> str:
    """`26.24`, or `-` for None."""
    return "-" if value is None else f"{value:.{digits}f}"


def counted(count: int, noun: str) -> str:
    """`1 thread`, `2 threads`."""
    return f"{count} {noun}{'s' * (count != 1)}"


def failure_lines(failures: Sequence[Mapping[str, str]], noun: str) -> list[str]:
    """Markdown lines that name each `item` and its `reason`; none without failures."""
    if not failures:
        return []
    head = f"**{len(failures)} {noun} failed and are left out of everything below:**"
    return ["", head, "", *(f"- {failure['item']}: {failure['reason']}" for failure in failures)]


def metric_title(metric: str) -> str:
    """A metric's name with the direction that is better, `psnr ↑`."""
    return f"{metric} {'↑' if METRICS[metric].higher_is_better else '↓'}"


def metric_digits(metric: str) -> int:
    """Decimals with which a metric's values are printed."""
    return 2 if METRICS[metric].unit or metric == "vmaf" else 3


def replace_tables(markdown: str, tables: dict[str, list[str]]) -> str:
    """Replace the lines between the markers of each table. ConfigError names a marker that the page lacks."""
    lines = markdown.split("\n")
    for name, content in tables.items():
        marker = _marker(name)
        if marker not in lines:
            raise ConfigError(f"the page lacks the marker {marker}")
        start = lines.index(marker) + 1
        if END not in lines[start:]:
            raise ConfigError(f"the page lacks {END} after {marker}")
        lines[start : lines.index(END, start)] = content
    return "\n".join(lines)


def update_page(path: Path, tables: dict[str, list[str]]) -> None:
    """Replace the tables of a page; where there is no page, write one of headings and tables alone."""
    if path.exists():
        text = path.read_text(encoding="utf-8")
    else:
        sections = [["", f"## {name}", "", _marker(name), END] for name in tables]
        text = "\n".join([f"# {path.stem}", *(line for section in sections for line in section), ""])
    write_text(path, replace_tables(text, tables))


def _marker(name: str) -> str:
    return f"<!-- table:{name} -->"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
