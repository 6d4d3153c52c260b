"""The page of a comparison: the video with its columns named, their numbers, and the sheet, without any network."""

import html
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bcdcodec.atomic import write_text
from bcdcodec.errors import install_command
from bcdcodec.evaluation.comparison.columns import METRICS, SHEET, VIDEO, Column
from bcdcodec.evaluation.metrics.table import METRICS as KNOWN
from bcdcodec.evaluation.report.tables import metric_digits, metric_title, number

PAGE, NUMBERS = "index.html", "numbers.json"
_STYLE = """
 body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; color: #222 }
 video, img { width: 100%; height: auto; display: block }
 .names { display: grid; grid-auto-flow: column; grid-auto-columns: 1fr; text-align: center; font-weight: 600 }
 table { border-collapse: collapse; margin: 1.5rem 0 } td, th { padding: .3rem .8rem; border-bottom: 1px solid #ccc }
 td + td, th + th { text-align: right }
"""


def write_page(source: Path, columns: Sequence[Column], folder: Path) -> Path:
    """Write PAGE and NUMBERS beside the video and the sheet of a comparison; returns the page."""
    measured = [name for name in METRICS if any(name in column.values for column in columns)]
    head = ["", "asked, kbps", "written, kbps", "without sound", *(_title(name) for name in measured)]
    rows = [
        [
            f'<a href="{html.escape(column.stream.name)}">{html.escape(column.name)}</a>',
            number(column.asked_kbps, 2),
            number(column.kbps, 2),
            number(column.video_kbps, 2),
            *(number(column.values[name], metric_digits(name)) for name in measured),
        ]
        for column in columns
    ]
    title = html.escape(source.name)
    names = "".join(f"<span>{html.escape(name)}</span>" for name in ("source", *(column.name for column in columns)))
    missing = [name for name in METRICS if name not in measured]
    note = f"<p>Not measured: {', '.join(missing)} ({install_command('metrics')}).</p>" if missing else ""
    text = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head><body>
<h1>{title}</h1>
<div class="names">{names}</div>
<video src="{VIDEO}" controls loop playsinline></video>
<table><thead><tr>{"".join(f"<th>{cell}</th>" for cell in head)}</tr></thead>
<tbody>{"".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)}</tbody></table>
{note}
<h2>Frames</h2>
<p>From top to bottom: source, {html.escape(", ".join(column.name for column in columns))}.</p>
<img src="{SHEET}" alt="frames of all columns">
</body></html>
"""
    write_text(folder / PAGE, text)
    numbers = [asdict(column) | {"stream": column.stream.name} for column in columns]
    write_text(folder / NUMBERS, json.dumps(numbers, indent=1) + "\n")
    return folder / PAGE


def _title(metric: str) -> str:
    unit = KNOWN[metric].unit
    return metric_title(metric) + (f", {unit}" if unit else "")
