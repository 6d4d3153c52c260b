"""Rate-distortion study: bcdcodec against other video codecs at equal rate; docs/results.md."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bcdcodec.atomic import write_text
from bcdcodec.evaluation.harness.clips import Clip, choose_clips, read_clips
from bcdcodec.evaluation.harness.experiment import Failure, Outcome
from bcdcodec.evaluation.harness.timing import processor
from bcdcodec.evaluation.metrics.fid import Inception
from bcdcodec.evaluation.metrics.table import loaded
from bcdcodec.evaluation.report.figures import picture_grid, pyplot
from bcdcodec.evaluation.report.tables import update_page
from bcdcodec.pool import threads_per_worker
from bcdcodec.studies.rate_distortion.baselines import BASELINES, ffmpeg
from bcdcodec.studies.rate_distortion.bd_rates import bjontegaard
from bcdcodec.studies.rate_distortion.comparison import Comparison, compare
from bcdcodec.studies.rate_distortion.distribution import distribution_distances
from bcdcodec.studies.rate_distortion.plan import FREEZE_FRAME, Plan, read_plan
from bcdcodec.studies.rate_distortion.plots import matched_rate_sheet, rd_plot
from bcdcodec.studies.rate_distortion.published import SOURCE, published
from bcdcodec.studies.rate_distortion.rd_point import RDPoint, RDResult
from bcdcodec.studies.rate_distortion.results import Results
from bcdcodec.studies.rate_distortion.runner import Bench, Setting, open_bench, run_plan
from bcdcodec.studies.rate_distortion.tables import page_tables

PAGE, FOLDER, NUMBERS, SHEET = "results.md", "results", "results.json", "sheet.png"
#: (stage, items done, items in all)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """plan, clips: a TOML file and a folder with clips.csv. out: folder of the page. jobs: worker processes."""

    plan: Path
    clips: Path
    out: Path
    work: Path
    weights: str
    device: str
    preset: str
    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What was run, for the head of the page."""

    command: str
    clips: int
    people: int
    seconds: float
    frame_rates: list[float]
    weights: str
    model_id: str
    sampler_steps: int
    points: int
    jobs: int
    threads: int
    processor: str
    device: str

    def lines(self, failures: Sequence[Failure]) -> list[str]:
        """A Markdown list, with the failures after it."""
        rates = ", ".join(f"{rate:g}" for rate in self.frame_rates)
        lines = [
            f"- Command: `{self.command}`.",
            f"- {self.clips} clips of {self.people} unseen people, the first {self.seconds:g} s of each, {rates} "
            "frames a second, 256x256.",
            f"- Weights `{self.weights}`, id `{self.model_id}`; {self.sampler_steps} sampling "
            f"step{'s' * (self.sampler_steps != 1)}.",
            f"- {self.points} points, {self.jobs} at a time with {self.threads} "
            f"thread{'s' * (self.threads != 1)} each, {self.processor}, model on {self.device}.",
        ]
        if failures:
            lines += ["", f"**{len(failures)} measurements failed and are left out of everything below:**", ""]
            lines += [f"- {failure.item}: {failure.reason}" for failure in failures]
        return lines


def run_study(request: Request, *, progress: Progress) -> dict[str, Any]:
    """Measure what is missing, compare, write everything; returns the content of results.json.

    Points that cannot be measured are in its `failures`. Raises ConfigError, WeightsError and MissingExtraError before
    any point is measured.
    """
    plan = read_plan(request.plan)
    every = read_clips(request.clips)
    clips = choose_clips(every, list(plan.clips)) if plan.clips else every
    _check_extras(plan)
    setting = Setting(
        plan=plan, work=request.work, weights=request.weights, device=request.device, preset=request.preset
    )
    bench = open_bench(setting)
    outcome = run_plan(bench, clips, jobs=request.jobs, progress=partial(progress, "points"))
    return _write(request, bench, clips, outcome)


def _check_extras(plan: Plan) -> None:
    """Fail before an hour of work if an optional dependency is missing."""
    bjontegaard()
    pyplot()
    if any(series.codec in BASELINES and BASELINES[series.codec].by_binary for series in plan.series):
        ffmpeg()
    for metric in plan.metrics:
        loaded(metric)
    if plan.inception is not None:
        Inception(plan.inception)


def _write(
    request: Request, bench: Bench, clips: Sequence[Clip], outcome: Outcome[RDPoint, RDResult]
) -> dict[str, Any]:
    plan = bench.setting.plan
    person_of = {clip.name: clip.person for clip in clips}
    results = Results(list(outcome.results.values()), person_of)
    comparisons = compare(plan, results)
    distances = distribution_distances(outcome.results, bench.store) if plan.distribution_every_nth else []
    folder = request.out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for item in comparisons:
        _plot(folder, plan, results, item, several_rates=len(comparisons) > 1)
    shown = _write_sheet(folder, bench, outcome, comparisons, clips)
    facts = _run_facts(request, bench, clips, points=len(outcome.results))
    numbers: dict[str, Any] = {
        "run": dataclasses.asdict(facts),
        "comparisons": [dataclasses.asdict(item) | {"own": item.own.name} for item in comparisons],
        "distribution": [dataclasses.asdict(item) for item in distances],
        "excluded": [dataclasses.asdict(item) for item in results.excluded()],
        "points": [point.to_json() for point in results.points],
        "failures": [dataclasses.asdict(item) for item in outcome.failures],
    }
    write_text(folder / NUMBERS, json.dumps(numbers, indent=1) + "\n")
    tables = {"run": facts.lines(outcome.failures), **page_tables(plan, results, comparisons, distances)}
    update_page(request.out / PAGE, {**tables, "credits": [f"- {clip.credit}" for clip in shown]})
    return numbers


def _run_facts(request: Request, bench: Bench, clips: Sequence[Clip], *, points: int) -> RunFacts:
    # Absolute folders of this machine are left out of the command.
    plan, out = (path.name if path.is_absolute() else str(path) for path in (request.plan, request.out))
    return RunFacts(
        command=f"bcd bench rate-distortion {plan} CLIPS --out {out} --jobs {request.jobs} --preset {request.preset} "
        f"--device {request.device}",
        clips=len(clips),
        people=len({clip.person for clip in clips}),
        seconds=bench.setting.plan.seconds,
        frame_rates=list(dict.fromkeys(float(series.rate) for series in bench.setting.plan.series)),
        weights=bench.model.config.name,
        model_id=bench.model.weights.model_id.hex(),
        sampler_steps=bench.sampling.steps,
        points=points,
        jobs=request.jobs,
        threads=threads_per_worker(request.jobs),
        processor=processor(),
        device=str(bench.model.device),
    )


def _plot(folder: Path, plan: Plan, results: Results, item: Comparison, *, several_rates: bool) -> None:
    """One plot a metric of one frame rate; file names carry the rate where there are several."""
    suffix = f"-{float(item.own.rate):g}" if several_rates else ""
    (frozen,) = [series for series in plan.series if series.codec == FREEZE_FRAME and series.rate == item.own.rate]
    for metric in plan.metrics:
        curves = [curve for curve in item.curves if curve.metric == metric]
        if curves:
            still = results.curve(frozen.name, metric)
            rd_plot(
                folder / f"{metric}{suffix}.png",
                curves,
                published(metric),
                order=[series.name for series in plan.series],
                source=SOURCE,
                freeze_frame=still.values[0] if still is not None else None,
            )


def _write_sheet(
    folder: Path,
    bench: Bench,
    outcome: Outcome[RDPoint, RDResult],
    comparisons: Sequence[Comparison],
    clips: Sequence[Clip],
) -> list[Clip]:
    """Write the sheet of the first frame rate; returns the clips shown, all of which may be published."""
    publishable = [clip for clip in clips if clip.may_be_shown]
    if not publishable or not comparisons:
        return []
    first = comparisons[0]
    sheet = matched_rate_sheet(
        outcome.results,
        bench.store,
        own=first.own,
        operating_point=first.operating_point,
        clips=[clip.name for clip in publishable],
    )
    if not sheet.rows:
        return []
    picture_grid(folder / SHEET, sheet.rows, columns=sheet.columns, captions=sheet.captions)
    return publishable
