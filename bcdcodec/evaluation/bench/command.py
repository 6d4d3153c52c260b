"""What `bcd bench` does. In: a plan, a folder of clips. Out: OUT/results.md, and OUT/results/ with its pictures."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bcdcodec.atomic import write_bytes
from bcdcodec.evaluation.bench.about import Request, Run, about_lines
from bcdcodec.evaluation.bench.bd_rates import bjontegaard
from bcdcodec.evaluation.bench.binary import ffmpeg
from bcdcodec.evaluation.bench.cell import Cell, CellResult
from bcdcodec.evaluation.bench.comparison import Comparison, compare
from bcdcodec.evaluation.bench.curves import curve
from bcdcodec.evaluation.bench.matched import matched_sheet
from bcdcodec.evaluation.bench.page import Findings, page
from bcdcodec.evaluation.bench.plan import Plan, read_plan
from bcdcodec.evaluation.bench.plots import picture_sheet, rd_plot
from bcdcodec.evaluation.bench.published import SOURCE, published
from bcdcodec.evaluation.bench.results import Results
from bcdcodec.evaluation.bench.rivals import RIVALS
from bcdcodec.evaluation.bench.runner import Failure, Setting, open_bench, run_plan, run_transfer
from bcdcodec.evaluation.bench.series import HELD
from bcdcodec.evaluation.bench.sets import set_distances
from bcdcodec.evaluation.bench.stopwatch import now
from bcdcodec.evaluation.bench.store import Store
from bcdcodec.evaluation.bench.transfer import TransferScore, read_pairs
from bcdcodec.evaluation.bench.transfer_lines import transfer_lines
from bcdcodec.evaluation.clips import Clip, choose, read_clips
from bcdcodec.evaluation.figure import pyplot
from bcdcodec.evaluation.metrics.fid import Inception
from bcdcodec.evaluation.metrics.table import loaded

PAGE, FOLDER, NUMBERS, SHEET = "results.md", "results", "results.json", "sheet.png"
#: (what, done, in all)
Progress = Callable[[str, int, int], None]


def bench(request: Request, *, progress: Progress) -> dict[str, Any]:
    """Run what is missing, compare, write everything; returns what results.json holds, `failures` among it: cells that
    could not be measured. Raises ConfigError, WeightsError and MissingExtraError before any cell is run.
    """
    began = now()
    plan = read_plan(request.plan)
    every = read_clips(request.clips)
    clips = choose(every, list(plan.clips)) if plan.clips else every
    pairs = read_pairs(plan.transfer.pairs, every) if plan.transfer is not None else []
    _check_extras(plan)
    setting = Setting(
        plan=plan, work=request.work, weights=request.weights, device=request.device, preset=request.preset
    )
    opened = open_bench(setting)
    kept: dict[str, int] = {}  # finished before this run, which is what the first call of each stage says

    def count(what: str, done: int, total: int) -> None:
        kept.setdefault(what, done)
        progress(what, done, total)

    cells, failures = run_plan(opened, clips, jobs=request.jobs, progress=partial(count, "cells"))
    scores: list[TransferScore] = []
    if plan.transfer is not None:
        scores, failed = run_transfer(
            opened, pairs, seconds=plan.transfer.seconds, jobs=request.jobs, progress=partial(count, "pairs")
        )
        failures = [*failures, *failed]
    run = Run(
        bench=opened,
        clips=clips,
        pairs=len(pairs),
        kept=sum(kept.values()),
        seconds=(now() - began).wall,
        cells=len(cells),
    )
    return _write(request, run, cells, scores, failures)


def _check_extras(plan: Plan) -> None:
    """Everything that is needed later is there: a run of an hour shall not end for want of it."""
    bjontegaard()
    pyplot()
    if any(series.codec in RIVALS and RIVALS[series.codec].by_binary for series in plan.series):
        ffmpeg()
    for metric in plan.metrics:
        loaded(metric)
    if plan.inception is not None:
        Inception(plan.inception)


def _write(
    request: Request,
    run: Run,
    cells: dict[Cell, CellResult],
    scores: list[TransferScore],
    failures: list[Failure],
) -> dict[str, Any]:
    plan, store = run.bench.setting.plan, run.bench.store
    person_of = {clip.name: clip.person for clip in read_clips(request.clips)}
    results = Results(list(cells.values()), person_of)
    comparisons = compare(plan, results)
    folder = request.out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    sets = set_distances(cells, store) if plan.sets_every_nth else []
    seconds = plan.transfer.seconds if plan.transfer is not None else 0.0
    findings = Findings(
        plan=plan,
        about=about_lines(request, run),
        results=results,
        comparisons=comparisons,
        sets=sets,
        plots={f"{float(item.own.rate):g}": _plots(folder, plan, results, item, comparisons) for item in comparisons},
        sheet=_sheet(folder, store, cells, comparisons, run.clips),
        transfer=transfer_lines(scores, person_of, seconds=seconds),
        failures=failures,
    )
    numbers: dict[str, Any] = {
        "about": list(findings.about),
        "comparisons": [dataclasses.asdict(item) | {"own": item.own.name} for item in comparisons],
        "sets": [dataclasses.asdict(item) for item in sets],
        "left_out": [dataclasses.asdict(item) for item in results.left_out()],
        "transfer": [dataclasses.asdict(item) for item in scores],
        "cells": [item.to_json() for item in results.cells],
        "failures": [dataclasses.asdict(item) for item in failures],
    }
    write_bytes(folder / NUMBERS, (json.dumps(numbers, indent=1) + "\n").encode())
    write_bytes(request.out / PAGE, page(findings).encode())
    return numbers


def _plots(
    folder: Path, plan: Plan, results: Results, found: Comparison, comparisons: Sequence[Comparison]
) -> list[str]:
    """One plot a metric of one frame rate; their files, which name the rate where there are several."""
    rate = f"{float(found.own.rate):g}"
    held = next(item for item in plan.series if item.codec == HELD and item.rate == found.own.rate)
    names = []
    for metric in plan.metrics:
        lines = [item for item in found.curves if item.metric == metric]
        if lines:
            name = f"{metric}{f'-{rate}' if len(comparisons) > 1 else ''}.png"
            still = curve(results, held.name, metric)
            rd_plot(
                folder / name,
                lines,
                published(metric),
                order=[item.name for item in plan.series],
                source=SOURCE,
                held=still.values[0] if still is not None else None,
            )
            names.append(f"{FOLDER}/{name}")
    return names


def _sheet(
    folder: Path,
    store: Store,
    cells: dict[Cell, CellResult],
    comparisons: Sequence[Comparison],
    clips: Sequence[Clip],
) -> list[str]:
    """The sheet of clips that may be shown, of the first frame rate, and the lines that show it."""
    shown = [clip for clip in clips if clip.may_be_shown]
    if not shown or not comparisons:
        return []
    first = comparisons[0]
    sheet = matched_sheet(cells, store, own=first.own, point=first.point, clips=[clip.name for clip in shown])
    if not sheet.rows:
        return []
    picture_sheet(folder / SHEET, sheet.rows, above=sheet.above, captions=sheet.captions)
    return [
        "## Pictures",
        "",
        f"Every codec at its point nearest the rate of `{first.own.name}`; the clips that may be shown.",
        "",
        f"![sheet]({FOLDER}/{SHEET})",
        "",
        *(f"- {clip.name}: {clip.source}, {clip.license}" for clip in shown),
        "",
    ]
