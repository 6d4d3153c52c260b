"""Study of reference pictures: what several of a shot are worth, in lively and in calm clips; docs/references.md."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.harness.clips import Clip, Excerpts, choose_clips, read_clips
from bcdcodec.evaluation.harness.experiment import Experiment, StageProgress, record_path
from bcdcodec.evaluation.harness.quick import choose_quick, quick_note
from bcdcodec.evaluation.harness.records import to_json, write_numbers
from bcdcodec.evaluation.harness.time_left import Work
from bcdcodec.evaluation.report.tables import counted, failure_lines, update_page
from bcdcodec.studies.references import measure, tables
from bcdcodec.studies.references.measure import Coding
from bcdcodec.studies.references.motion import MOST, MotionItem, candidates, choose_groups, measure_motion

PAGE, NUMBERS = "references.md", "references/references.json"
#: Counts up when the same encoder measures something else.
VERSION = 1
#: Of the quick version: clips whose motion is measured, clips of a group, and their length; the middle target alone.
QUICK_MEASURED, QUICK_MOST, QUICK_SECONDS = 8, 1, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Settings of a run.

    clips: folder of clips. lively, calm: names of its clips, one table each; where one is empty, clips are chosen by
    how much they move. seconds: of each, from its start. quick: few clips, shorter ones, at some targets.
    """

    clips: Path
    lively: tuple[str, ...] = ()
    calm: tuple[str, ...] = ()
    seconds: float
    out: Path
    work: Path
    weights: str
    jobs: int
    quick: bool = False


def run_study(request: Request, *, progress: StageProgress) -> dict[str, Any]:
    """Measure what is missing, write page and numbers, and return the numbers.

    Codings that fail are in their `failures`; BcdError where all do. Raises ConfigError for weights that send no
    pictures, and for unknown clips.
    """
    model = CodecModel.load(request.weights, device="cpu")
    if model.bcd.warper is None:
        raise ConfigError(f"model {model.config.name} has no warper, so it has no references to choose")
    every = read_clips(request.clips)
    choose_clips(every, [*request.lively, *request.calm])  # refuse unknown ones
    targets: tuple[int, ...] = measure.TARGETS
    if request.quick:
        targets = (targets[len(targets) // 2],)
        request = replace(request, seconds=min(request.seconds, QUICK_SECONDS))
    groups, motion = _groups(request, every, progress)
    clips = {name: choose_clips(every, list(names)) for name, names in groups.items()}
    items = {name: _codings(request, model, clips[name], targets) for name in groups}
    experiment: Experiment[CodecModel, Coding, dict[str, Any]] = Experiment(
        open_context=partial(CodecModel.load, request.weights, device="cpu"),
        measure=measure.measure_references,
        record_path=lambda item: item.record,
        label=lambda item: f"{item.clip} at {item.target}, {item.variant}",
        work=lambda item: Work((item.target, item.variant)),
    )
    together = list(dict.fromkeys(item for codings in items.values() for item in codings))
    progress_of = partial(progress, "references")
    outcome = experiment.run(together, jobs=request.jobs, keep_going=True, progress=progress_of)
    outcome.require_any()
    records = {
        name: [outcome.results[item] for item in codings if item in outcome.results] for name, codings in items.items()
    }
    failures = [to_json(failure) for failure in outcome.failures]
    numbers = {"weights": model.weights.model_id.hex(), "seconds": request.seconds, **records, "failures": failures}
    write_numbers(request.out / NUMBERS, numbers)
    page: dict[str, list[str]] = {}
    if request.quick:
        some = f"{counted(len(targets), 'bitrate')} of {len(measure.TARGETS)}."
        measured = len({item.clip for item in together})
        page = quick_note(measured, len(every), seconds=request.seconds, others=some)
    for name in groups:
        page[name] = [*tables.group_table(records[name]), *tables.motion_lines(groups[name], motion)]
    page[name] += failure_lines(failures, "codings")
    update_page(request.out / PAGE, page)
    return numbers


def _groups(
    request: Request, clips: list[Clip], progress: StageProgress
) -> tuple[dict[str, tuple[str, ...]], dict[str, float]]:
    """The clips of either group, and the motion of those that it was measured of; of none where both are named."""
    if request.lively and request.calm:
        return {"lively": request.lively, "calm": request.calm}, {}
    named = {Path(name).stem for name in (*request.lively, *request.calm)}
    free = [clip for clip in candidates(clips, request.seconds) if clip.name not in named]
    if request.quick:
        free = choose_quick(free, QUICK_MEASURED)
    hashes = Excerpts(request.work)
    items = [
        MotionItem(
            clip=clip,
            seconds=request.seconds,
            record=record_path(
                request.work / "motion", VERSION, hashes.content_hash(clip.path), request.seconds, name=clip.name
            ),
        )
        for clip in free
    ]
    experiment: Experiment[None, MotionItem, dict[str, float | None]] = Experiment(
        open_context=_nothing, measure=measure_motion, record_path=lambda item: item.record
    )
    found = experiment.run(items, jobs=request.jobs, keep_going=True, progress=partial(progress, "motion")).results
    motion = {item.clip.name: value for item, record in found.items() if (value := record["motion"]) is not None}
    # Where no face is found at all, any clips do: none of them is known to move.
    ranked = motion or {clip.name: 0.0 for clip in free}
    most = QUICK_MOST if request.quick else MOST
    lively, calm = choose_groups(free, ranked, most=most)
    if request.lively:
        calm = calm or lively
    return {"lively": request.lively or lively, "calm": request.calm or calm}, motion


def _nothing() -> None:
    """The context of measurements that share nothing."""


def _codings(request: Request, model: CodecModel, clips: list[Clip], targets: Sequence[int]) -> list[Coding]:
    excerpts = Excerpts(request.work / "excerpts")
    codings = []
    for clip in clips:
        source = excerpts.prepare(clip, rate=model.frame_rate, seconds=request.seconds, side=model.config.pixels)
        for target in targets:
            for variant in measure.VARIANTS:
                key = (VERSION, model.weights.model_id.hex(), source.name, target, variant)
                record = record_path(request.work, *key, name=clip.name)
                codings.append(Coding(clip=clip.name, source=source, target=target, variant=variant, record=record))
    return codings
