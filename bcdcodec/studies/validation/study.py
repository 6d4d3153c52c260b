"""Validation study: every clip of a folder through the codec, against two bounds; docs/validation.md."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bcdcodec.atomic import file_hash
from bcdcodec.codec.model import CodecModel
from bcdcodec.evaluation.harness.clips import Clip, Excerpts, choose_clips, choose_donor, read_clips
from bcdcodec.evaluation.harness.experiment import Experiment, StageProgress, record_path
from bcdcodec.evaluation.harness.quick import choose_quick, quick_note, shorten
from bcdcodec.evaluation.harness.records import from_json, to_json, write_numbers
from bcdcodec.evaluation.harness.time_left import Work
from bcdcodec.evaluation.report.sheets import contact_sheet, load_png, save_png, spread_indices
from bcdcodec.evaluation.report.tables import counted, failure_lines, update_page
from bcdcodec.studies.validation.codes import codebook_usage
from bcdcodec.studies.validation.measure import MeasureSettings, measure_clip
from bcdcodec.studies.validation.scores import ClipScore
from bcdcodec.studies.validation.summary import summarize
from bcdcodec.studies.validation.tables import page_tables

_log = logging.getLogger(__name__)

#: Counts up when the same settings measure something else, by a changed encoder or decoder too.
VERSION = 7
SHEET_CLIPS, SHEET_CELL = 5, 128
#: Of the quick version.
QUICK_CLIPS, QUICK_SECONDS = 3, 2.0
PAGE, FOLDER, NUMBERS, SHEET = "validation.md", "validation", "validation.json", "contact_sheet.png"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Settings of a run.

    clips: folder of clips; names: of the clips to measure, empty for all. publish: put the sheet beside the page, with
    clips that may be published only; otherwise it stays in `work`. quick: the starts of a few clips.
    """

    clips: Path
    names: tuple[str, ...] = ()
    out: Path
    work: Path
    publish: bool = False
    jobs: int = 1
    quick: bool = False


@dataclass(frozen=True, slots=True)
class _Item:
    """A clip, the donor of its mismatched content, and the file of its record."""

    clip: Clip
    donor: Clip | None
    record: Path


def run_study(
    request: Request, *, model: CodecModel, settings: MeasureSettings, progress: StageProgress
) -> dict[str, Any]:
    """Measure what is missing, write page, sheet and numbers; returns the content of validation.json.

    Clips that cannot be measured are in its `failures`; BcdError where none can.
    """
    every = read_clips(request.clips)
    chosen = choose_clips(every, list(request.names)) if request.names else every
    note: dict[str, list[str]] = {}
    if request.quick:
        note = quick_note(min(QUICK_CLIPS, len(chosen)), len(chosen), seconds=QUICK_SECONDS)
        every = chosen = shorten(
            choose_quick(chosen, QUICK_CLIPS),
            Excerpts(request.work / "quick"),
            rate=model.frame_rate,
            seconds=QUICK_SECONDS,
            side=model.config.pixels,
        )
    # Donors come from all clips of the folder, so that a choice of clips changes no donor.
    items = [_item(request.work, model, settings, clip, choose_donor(clip, every)) for clip in chosen]
    experiment = Experiment(
        open_context=partial(CodecModel.load, str(model.weights.path), device=str(model.device)),
        measure=partial(_measure, settings),
        parse=partial(from_json, ClipScore),
        record_path=lambda item: item.record,
        label=lambda item: item.clip.name,
        work=lambda item: Work(size=item.clip.seconds),
    )
    outcome = experiment.run(items, jobs=request.jobs, keep_going=True, progress=partial(progress, "clips"))
    outcome.require_any()
    scores, items = list(outcome.results.values()), list(outcome.results)
    chosen = [item.clip for item in items]
    usage = codebook_usage(model, [item.record.with_suffix(".bcd") for item in items])
    shown = sheet_clips(chosen, publish=request.publish)
    if shown:
        folder = request.out / FOLDER if request.publish else request.work
        _write_sheet(folder / SHEET, [item for item in items if item.clip in shown])
    elif request.publish:
        _log.warning("no clip of %d has a licence that permits to publish it, there is no sheet", len(chosen))
    numbers: dict[str, Any] = {
        "weights": {"name": model.config.name, "id": model.weights.model_id.hex()},
        "settings": to_json(settings),
        "summary": to_json(summarize(scores)),
        "codebooks": to_json(usage),
        "clips": [to_json(score) for score in scores],
        "sheet": [{"clip": clip.name, "source": clip.source, "license": clip.license} for clip in shown],
        "failures": [to_json(failure) for failure in outcome.failures],
    }
    write_numbers(request.out / FOLDER / NUMBERS, numbers)
    sheet = [f"![source above, decoded below]({FOLDER}/{SHEET})", "", *(f"- {clip.credit}" for clip in shown)]
    run = [*run_lines(model, settings), *failure_lines(numbers["failures"], "clips")]
    tables = {**note, "run": run, **page_tables(scores, usage)}
    update_page(request.out / PAGE, {**tables, "sheet": sheet if shown and request.publish else []})
    return numbers


def run_lines(model: CodecModel, settings: MeasureSettings) -> list[str]:
    """The head of the page: weights, sampling, limits."""
    sampling = settings.sampling
    limit = "" if settings.limit_s is None else f" Only the first {settings.limit_s:g} s of each clip were compared."
    return [
        f"Weights `{model.config.name}`, id `{model.weights.model_id.hex()}`; "
        f"{counted(sampling.steps, 'sampling step')}, guidance {sampling.guidance:g}; "
        f"limit {settings.bitrate / 1000:g} kbps; {float(model.frame_rate):g} frames a second.{limit}",
    ]


def sheet_clips(chosen: Sequence[Clip], *, publish: bool) -> list[Clip]:
    """Up to SHEET_CLIPS clips, spread evenly over the people in alphabetical order."""
    people: dict[str, Clip] = {}
    for clip in chosen:
        if clip.may_be_shown or not publish:
            people.setdefault(clip.person, clip)
    candidates = list(people.values())
    return [candidates[index] for index in spread_indices(len(candidates), SHEET_CLIPS)]


def _item(work: Path, model: CodecModel, settings: MeasureSettings, clip: Clip, donor: Clip | None) -> _Item:
    files = [file_hash(part.path) for part in (clip, donor) if part is not None]
    framing = [] if clip.framed else ["face"]
    key = (VERSION, model.weights.model_id.hex(), to_json(settings), *files, *framing)
    return _Item(clip, donor, record_path(work, *key, name=clip.name))


def _measure(settings: MeasureSettings, model: CodecModel, item: _Item) -> ClipScore:
    stream = item.record.with_suffix(".bcd")
    score, strip = measure_clip(model, item.clip, item.donor, stream=stream, settings=settings)
    save_png(item.record.with_suffix(".png"), strip)
    return score


def _write_sheet(path: Path, items: Sequence[_Item]) -> None:
    """Write the strips of clips, with their sources as text inside the file."""
    strips = [load_png(item.record.with_suffix(".png")) for item in items]
    credits = "; ".join(item.clip.credit for item in items)
    save_png(path, contact_sheet(strips, cell=SHEET_CELL), text=credits)
