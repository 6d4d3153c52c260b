"""What `bcd bench` does. In: a plan, a folder of clips. Out: OUT/results.md, and OUT/results/ with its pictures."""

import dataclasses
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bcdcodec.evaluation.bench.cell import Cell, CellResult
from bcdcodec.evaluation.bench.curves import BdRate, Curve, Match, bd_rate, curve, match
from bcdcodec.evaluation.bench.matched import matched_sheet
from bcdcodec.evaluation.bench.page import COMPARED_AT, Findings, page, transfer_lines
from bcdcodec.evaluation.bench.plan import Plan, read_plan
from bcdcodec.evaluation.bench.series import OWN, Series
from bcdcodec.evaluation.bench.plots import picture_sheet, rd_plot
from bcdcodec.evaluation.bench.published import SOURCE, published
from bcdcodec.evaluation.bench.runner import Bench, Setting, open_bench, run_plan, run_transfer
from bcdcodec.evaluation.bench.sets import set_distances
from bcdcodec.evaluation.bench.store import Store
from bcdcodec.evaluation.bench.transfer import read_pairs
from bcdcodec.evaluation.clips import Clip, choose, read_clips
from bcdcodec.evaluation.files import write_whole

PAGE, FOLDER, NUMBERS, SHEET = "results.md", "results", "results.json", "sheet.png"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """plan, clips: a TOML file and a folder with clips.csv. out: folder of the page. jobs: processes at a time."""

    plan: Path
    clips: Path
    out: Path
    work: Path
    weights: str
    device: str
    preset: str
    jobs: int


def bench(request: Request, *, progress: Callable[[str, int, int], None]) -> dict[str, object]:
    """Run what is missing, compare, write everything; returns what results.json holds. progress: (what, done, in all).
    Raises ConfigError, VideoError, RateError, MissingExtraError.
    """
    plan = read_plan(request.plan)
    every = read_clips(request.clips)
    clips = choose(every, list(plan.clips)) if plan.clips else every
    setting = Setting(
        plan=plan, work=request.work, weights=request.weights, device=request.device, preset=request.preset
    )
    opened = open_bench(setting)
    results = run_plan(opened, clips, jobs=request.jobs, progress=partial(progress, "cells"))
    transfers = []
    if plan.transfer is not None:
        pairs = read_pairs(plan.transfer.pairs, every)
        transfers = run_transfer(
            opened, pairs, seconds=plan.transfer.seconds, jobs=request.jobs, progress=partial(progress, "pairs")
        )
    folder = request.out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    own = next(series for series in plan.series if series.codec == OWN)
    point = min(own.points, key=lambda bits: abs(bits - COMPARED_AT))
    found = list(results.values())
    curves = [item for series in plan.series for metric in plan.metrics if (item := curve(found, series.name, metric))]
    sets = set_distances(results, opened.store) if plan.sets_every_nth else []
    findings = Findings(
        plan=plan,
        about=_about(request, opened, clips),
        results=found,
        own=own.name,
        point=point,
        matches=_matches(plan, found, own, point),
        bd_rates=_bd_rates(curves, own),
        sets=sets,
        plots=[f"{FOLDER}/{name}" for name in _plots(folder, plan, curves)],
        sheet=_sheet(folder, opened.store, results, own, point, clips),
        transfer=transfer_lines(transfers),
    )
    numbers: dict[str, object] = {
        "about": list(findings.about),
        "own": own.name,
        "point": point,
        "matches": [dataclasses.asdict(item) for item in findings.matches],
        "bd_rates": [dataclasses.asdict(item) for item in findings.bd_rates],
        "sets": [dataclasses.asdict(item) for item in sets],
        "curves": [dataclasses.asdict(item) for item in curves],
        "transfer": [dataclasses.asdict(item) for item in transfers],
        "cells": [item.to_json() for item in found],
    }
    write_whole(folder / NUMBERS, (json.dumps(numbers, indent=1) + "\n").encode())
    write_whole(request.out / PAGE, page(findings).encode())
    return numbers


def _about(request: Request, opened: Bench, clips: Sequence[Clip]) -> list[str]:
    plan, model, sampling = opened.setting.plan, opened.model, opened.sampling
    people = len({clip.person for clip in clips})
    return [
        f"Weights `{model.config.name}`, id `{model.weights.model_id.hex()}`; preset `{request.preset}`, "
        f"{sampling.steps} sampling step{'s' * (sampling.steps != 1)}. {len(clips)} clips of {people} people, "
        f"the first {plan.seconds:g} s of each. {request.jobs} at a time on {model.device}, {platform.machine()}.",
    ]


def _rivals(plan: Plan) -> list[Series]:
    return [series for series in plan.series if series.codec != OWN]


def _matches(plan: Plan, found: Sequence[CellResult], own: Series, point: int) -> list[Match]:
    matches = [
        match(found, own=own.name, point=point, rival=series.name, metric=metric)
        for series in _rivals(plan)
        for metric in plan.metrics
    ]
    return [item for item in matches if item is not None]


def _bd_rates(curves: Sequence[Curve], own: Series) -> list[BdRate]:
    own_curves = {item.metric: item for item in curves if item.series == own.name}
    return [
        bd_rate(own_curves[item.metric], item)
        for item in curves
        if not item.series.startswith(OWN) and item.metric in own_curves
    ]


def _plots(folder: Path, plan: Plan, curves: Sequence[Curve]) -> list[str]:
    """One plot a metric; names of the files."""
    names = []
    for metric in plan.metrics:
        lines = [item for item in curves if item.metric == metric]
        if lines:
            names.append(f"{metric}.png")
            rd_plot(folder / names[-1], lines, published(metric), source=SOURCE)
    return names


def _sheet(
    folder: Path,
    store: Store,
    results: dict[Cell, CellResult],
    own: Series,
    point: int,
    clips: Sequence[Clip],
) -> list[str]:
    """The sheet of clips that may be shown, and the lines that show it."""
    shown = [clip for clip in clips if clip.may_be_shown]
    if not shown:
        return []
    sheet = matched_sheet(results, store, own=own, point=point, clips=[clip.name for clip in shown])
    picture_sheet(folder / SHEET, sheet.rows, above=sheet.above, captions=sheet.captions)
    sources = [f"- {clip.name}: {clip.source}, {clip.license}" for clip in shown]
    return [
        "## Pictures",
        "",
        "Every codec at its point nearest the rate of bcdcodec.",
        "",
        f"![sheet]({FOLDER}/{SHEET})",
        "",
        *sources,
        "",
    ]
