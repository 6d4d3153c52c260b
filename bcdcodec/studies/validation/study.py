"""Validation study: every clip of a folder through the codec, against two bounds; docs/validation.md."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bcdcodec.atomic import file_hash
from bcdcodec.codec.model import CodecModel
from bcdcodec.evaluation.harness.clips import Clip, choose_clips, choose_donor, read_clips
from bcdcodec.evaluation.harness.experiment import Experiment, record_path
from bcdcodec.evaluation.harness.records import from_json, to_json, write_numbers
from bcdcodec.evaluation.report.sheets import contact_sheet, load_png, save_png, spread_indices
from bcdcodec.evaluation.report.tables import counted, update_page
from bcdcodec.studies.validation.codes import codebook_usage
from bcdcodec.studies.validation.measure import MeasureSettings, measure_clip
from bcdcodec.studies.validation.scores import ClipScore
from bcdcodec.studies.validation.summary import summarize
from bcdcodec.studies.validation.tables import page_tables

#: Counts up when the same settings measure something else, by a changed encoder or decoder too.
VERSION = 6
SHEET_CLIPS, SHEET_CELL = 5, 128
PAGE, FOLDER, NUMBERS, SHEET = "validation.md", "validation", "validation.json", "contact_sheet.png"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Settings of a run.

    clips: folder with clips.csv; names: of the clips to measure, empty for all. publish: put the sheet beside the
    page, with clips that may be published only; otherwise it stays in `work`.
    """

    clips: Path
    names: tuple[str, ...] = ()
    out: Path
    work: Path
    publish: bool = False
    jobs: int = 1


@dataclass(frozen=True, slots=True)
class _Item:
    """A clip, the donor of its mismatched content, and the file of its record."""

    clip: Clip
    donor: Clip | None
    record: Path


def run_study(
    request: Request, *, model: CodecModel, settings: MeasureSettings, progress: Callable[[str, int, int], None]
) -> dict[str, Any]:
    """Measure what is missing, write page, sheet and numbers; returns the content of validation.json."""
    every = read_clips(request.clips)
    chosen = choose_clips(every, list(request.names)) if request.names else every
    # Donors come from all clips of the folder, so that a choice of clips changes no donor.
    items = [_item(request.work, model, settings, clip, choose_donor(clip, every)) for clip in chosen]
    experiment = Experiment(
        open_context=partial(CodecModel.load, str(model.weights.path), device=str(model.device)),
        measure=partial(_measure, settings),
        parse=partial(from_json, ClipScore),
        record_path=lambda item: item.record,
    )
    outcome = experiment.run(items, jobs=request.jobs, progress=partial(progress, "clips"))
    scores = list(outcome.results.values())
    usage = codebook_usage(model, [item.record.with_suffix(".bcd") for item in items])
    shown = sheet_clips(chosen, publish=request.publish)
    if shown:
        folder = request.out / FOLDER if request.publish else request.work
        _write_sheet(folder / SHEET, [item for item in items if item.clip in shown])
    numbers: dict[str, Any] = {
        "weights": {"name": model.config.name, "id": model.weights.model_id.hex()},
        "settings": to_json(settings),
        "summary": to_json(summarize(scores)),
        "codebooks": to_json(usage),
        "clips": [to_json(score) for score in scores],
        "sheet": [{"clip": clip.name, "source": clip.source, "license": clip.license} for clip in shown],
    }
    write_numbers(request.out / FOLDER / NUMBERS, numbers)
    sheet = [f"![source above, decoded below]({FOLDER}/{SHEET})", "", *(f"- {clip.credit}" for clip in shown)]
    tables = {"run": run_lines(model, settings), **page_tables(scores, usage)}
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
    key = (VERSION, model.weights.model_id.hex(), to_json(settings), *files)
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
