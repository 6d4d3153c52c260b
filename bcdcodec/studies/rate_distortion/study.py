"""Rate-distortion study: bcdcodec against other video codecs at equal rate; docs/results.md."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bcdcodec.evaluation.harness.clips import Clip, Excerpts, choose_clips, read_clips
from bcdcodec.evaluation.harness.experiment import Experiment, StageProgress
from bcdcodec.evaluation.harness.quick import choose_quick, quick_note
from bcdcodec.evaluation.harness.records import from_json, to_json, write_numbers
from bcdcodec.evaluation.harness.time_left import Work
from bcdcodec.evaluation.harness.timing import processor
from bcdcodec.evaluation.metrics.distribution import MIN_ROWS, frechet_distance, kernel_distance
from bcdcodec.evaluation.metrics.fid import Inception
from bcdcodec.evaluation.metrics.table import loaded
from bcdcodec.evaluation.report.figures import pyplot
from bcdcodec.evaluation.report.tables import update_page
from bcdcodec.pool import threads_per_worker
from bcdcodec.studies.rate_distortion.baselines import BASELINES, ffmpeg
from bcdcodec.studies.rate_distortion.bd_rates import bjontegaard
from bcdcodec.studies.rate_distortion.comparison import Comparison, compare
from bcdcodec.studies.rate_distortion.measure import Bench, Setting, measure_rd_point
from bcdcodec.studies.rate_distortion.plan import FREEZE_FRAME, OWN, SIDE, Plan, quick_plan, read_plan
from bcdcodec.studies.rate_distortion.plots import matched_rate_sheet, rd_plot
from bcdcodec.studies.rate_distortion.scores import DistributionDistance, RDPoint, RDResult, Results
from bcdcodec.studies.rate_distortion.tables import page_tables, run_lines

PAGE, FOLDER, NUMBERS, SHEET = "results.md", "results", "results.json", "sheet.png"
#: What a point of bcdcodec takes beside one of another codec, about: until both are measured, for the time left.
OWN_COST = 10.0
#: Of the quick version.
QUICK_CLIPS, QUICK_SECONDS, QUICK_POINTS = 2, 2.0, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Settings of a run.

    plan, clips: a TOML file, None for the package's own, and a folder of clips. out: folder of the page. jobs: worker
    processes. quick: the starts of a few clips, at few points.
    """

    plan: Path | None
    clips: Path
    out: Path
    work: Path
    weights: str
    device: str
    preset: str
    jobs: int
    quick: bool = False


def run_study(request: Request, *, progress: StageProgress) -> dict[str, Any]:
    """Measure what is missing, compare, write everything; returns the content of results.json.

    Points that cannot be measured are in its `failures`. Raises ConfigError, WeightsError and MissingExtraError before
    any point is measured.
    """
    plan = read_plan(request.plan)
    every = read_clips(request.clips)
    clips = choose_clips(every, list(plan.clips)) if plan.clips else every
    note: dict[str, list[str]] = {}
    if request.quick:
        plan, found = quick_plan(plan, seconds=QUICK_SECONDS, points=QUICK_POINTS), len(clips)
        clips = choose_quick(clips, QUICK_CLIPS)
        some = f"At most {QUICK_POINTS} points of a codec; so short a clip of bcdcodec may take the bits of 10 s."
        note = quick_note(len(clips), found, seconds=plan.seconds, others=some)
    _check_extras(plan)
    setting = Setting(
        plan=plan, work=request.work, weights=request.weights, device=request.device, preset=request.preset
    )
    bench = Bench.open(setting)
    experiment = Experiment(
        open_context=partial(Bench.open, setting),
        measure=measure_rd_point,
        parse=partial(from_json, RDResult),
        record_path=bench.path,
        label=lambda item: f"{item.clip}, {item.series.name} at {item.operating_point}",
        work=lambda item: Work((item.series.name, item.operating_point), OWN_COST if item.series.codec == OWN else 1.0),
    )
    points = list(_rd_points(setting, clips))
    outcome = experiment.run(points, jobs=request.jobs, keep_going=True, progress=partial(progress, "points"))
    # A record may have been written under another name of the same clip.
    measured = {point: dataclasses.replace(result, clip=point.clip) for point, result in outcome.results.items()}
    results = Results(list(measured.values()), {clip.name: clip.person for clip in clips})
    comparisons = compare(plan, results)
    distances = distribution_distances(measured, bench) if plan.distribution_every_nth else []
    folder = request.out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for item in comparisons:
        _plot(folder, plan, results, item, suffix=f"-{float(item.own.rate):g}" if len(comparisons) > 1 else "")
    numbers: dict[str, Any] = {
        "run": _run_facts(request, bench, clips, points=len(measured)),
        "comparisons": [to_json(item) | {"own": item.own.name} for item in comparisons],
        "distribution": [to_json(item) for item in distances],
        "excluded": [to_json(item) for item in results.excluded()],
        "points": [to_json(point) for point in results.points],
        "failures": [to_json(failure) for failure in outcome.failures],
    }
    write_numbers(folder / NUMBERS, numbers)
    tables = {
        **note,
        "run": run_lines(numbers["run"], numbers["failures"]),
        **page_tables(plan, results, comparisons, distances),
        "credits": _write_sheet(folder / SHEET, bench, measured, comparisons, clips),
    }
    update_page(request.out / PAGE, tables)
    return numbers


def distribution_distances(rd_points: Iterable[RDPoint], bench: Bench) -> list[DistributionDistance]:
    """Frechet and kernel distance of each operating point of each series, over all clips, in the order of the plan.

    Over the features of metrics/features.py they are neither FID nor KID; over those of metrics/fid.py, where a plan
    gives its weights, they are. Few frames of few people make the Frechet distance too large, for every codec alike;
    the kernel distance is unbiased.
    """
    groups: dict[tuple[str, int], list[RDPoint]] = {}
    for point in rd_points:
        groups.setdefault((point.series.name, point.operating_point), []).append(point)
    distances = []
    for (series, operating_point), members in groups.items():
        decoded, source = np.concatenate([bench.features(member) for member in members], axis=1)  # [2, n, D]
        enough = len(decoded) >= MIN_ROWS
        distances.append(
            DistributionDistance(
                series=series,
                operating_point=operating_point,
                frames=len(decoded),
                frechet=frechet_distance(decoded, source) if enough else None,
                kernel=kernel_distance(decoded, source) if enough else None,
            )
        )
    return distances


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


def _rd_points(setting: Setting, clips: Sequence[Clip]) -> Iterator[RDPoint]:
    excerpts = Excerpts(setting.work / "clips")
    for clip in clips:
        for series in setting.plan.series:
            source = excerpts.prepare(clip, rate=series.rate, seconds=setting.plan.seconds, side=SIDE)
            for operating_point in series.points:
                yield RDPoint(
                    clip=clip.name,
                    content_hash=excerpts.content_hash(clip.path) + "-face" * (not clip.framed),
                    source=source,
                    series=series,
                    operating_point=operating_point,
                )


def _run_facts(request: Request, bench: Bench, clips: Sequence[Clip], *, points: int) -> dict[str, Any]:
    # Absolute folders of this machine are left out of the command.
    paths = (request.plan, request.out)
    file, out = ("" if path is None else path.name if path.is_absolute() else str(path) for path in paths)
    plan = bench.setting.plan
    return {
        "command": f"bcd bench rate-distortion {file}{' ' * bool(file)}CLIPS --out {out} --jobs {request.jobs} "
        f"{'--quick ' * request.quick}--preset {request.preset} --device {request.device}",
        "clips": len(clips),
        "people": len({clip.person for clip in clips}),
        "seconds": plan.seconds,
        "frame_rates": list(dict.fromkeys(float(series.rate) for series in plan.series)),
        "weights": bench.codec.model.config.name,
        "model_id": bench.codec.model_id,
        "sampler_steps": bench.codec.sampling.steps,
        "points": points,
        "jobs": request.jobs,
        "threads": threads_per_worker(request.jobs),
        "processor": processor(),
        "device": str(bench.codec.model.device),
    }


def _plot(folder: Path, plan: Plan, results: Results, item: Comparison, *, suffix: str) -> None:
    """Write one plot a metric of one frame rate."""
    (frozen,) = [series for series in plan.series if series.codec == FREEZE_FRAME and series.rate == item.own.rate]
    for metric in plan.metrics:
        curves = [curve for curve in item.curves if curve.metric == metric]
        if curves:
            still = results.curve(frozen.name, metric)
            rd_plot(
                folder / f"{metric}{suffix}.png",
                curves,
                order=[series.name for series in plan.series],
                freeze_frame=still.values[0] if still is not None else None,
            )


def _write_sheet(
    path: Path,
    bench: Bench,
    results: dict[RDPoint, RDResult],
    comparisons: Sequence[Comparison],
    clips: Sequence[Clip],
) -> list[str]:
    """Write the sheet of the first frame rate, of clips that may be published; returns their credits as a list."""
    shown = [clip for clip in clips if clip.may_be_shown]
    for first in comparisons[:1]:
        names = [clip.name for clip in shown]
        if matched_rate_sheet(path, results, bench, own=first.own, operating_point=first.operating_point, clips=names):
            return [f"- {clip.credit}" for clip in shown]
    return []
