"""Transfer study: the motion of one person with the content of another; docs/transfer.md."""

import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.evaluation.harness.clips import Clip, Excerpts, read_clips, read_frames
from bcdcodec.evaluation.harness.decoding import Codec
from bcdcodec.evaluation.harness.experiment import Experiment, StageProgress, record_path
from bcdcodec.evaluation.harness.quick import quick_note
from bcdcodec.evaluation.harness.records import to_json, write_numbers
from bcdcodec.evaluation.metrics.table import loaded
from bcdcodec.evaluation.report.sheets import contact_sheet, load_png, save_png, spread_indices
from bcdcodec.evaluation.report.tables import counted, failure_lines, update_page
from bcdcodec.studies.transfer.protocol import (
    SEED,
    TransferScore,
    Values,
    make_pairs,
    pair_bounds,
    read_pairs,
    score_pair,
    transfer_frames,
)
from bcdcodec.studies.transfer.tables import page_tables

PAGE, NUMBERS, SHEET = "transfer.md", "transfer/transfer.json", "transfer/sheet.png"
#: Counts up when the same pair measures something else.
VERSION = 5
#: Pictures of a pair in the sheet, pairs in the sheet, and pixels of a picture.
SHEET_COLUMNS, SHEET_PAIRS, SHEET_CELL = 8, 3, 128
#: Of the quick version.
QUICK_PAIRS, QUICK_SECONDS = 3, 1.0
#: How the pairs of a list are named on the page.
FIXED = "of a fixed list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Settings of a run.

    clips: folder of clips. pairs: CSV file with columns content and motion; None for the motion of the next person
    with the content of each. seconds: of each clip. quick: a few pairs, of shorter clips.
    """

    clips: Path
    pairs: Path | None
    out: Path
    work: Path
    weights: str
    device: str
    preset: str
    seconds: float
    jobs: int
    quick: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """Clips of content and motion, their excerpts, and the file of the scores."""

    clips: tuple[Clip, Clip]
    sources: tuple[Path, Path]
    record: Path

    @property
    def names(self) -> tuple[str, str]:
        return self.clips[0].name, self.clips[1].name


def run_study(request: Request, *, progress: StageProgress) -> dict[str, Any]:
    """Measure what is missing, write page, sheet and numbers; returns the content of transfer.json.

    Pairs that cannot be measured are in its `failures`. ConfigError for clips of one person alone.
    """
    clips = read_clips(request.clips)
    pairs = make_pairs(clips) if request.pairs is None else read_pairs(request.pairs, clips)
    note: dict[str, list[str]] = {}
    if request.quick:
        every, pairs = len(pairs), [pairs[index] for index in spread_indices(len(pairs), QUICK_PAIRS)]
        request = replace(request, seconds=min(request.seconds, QUICK_SECONDS))
        measured = len({clip.name for pair in pairs for clip in pair})
        others = f"{len(pairs)} of {counted(every, 'pair')}."
        note = quick_note(measured, len(clips), seconds=request.seconds, others=others)
    for metric in ("csim", "ard", "auh"):  # fail early if an optional dependency is missing
        loaded(metric)
    open_codec = partial(Codec.load, request.weights, request.device, request.preset)
    codec = open_codec()
    items = _items(request, codec, pairs)
    experiment: Experiment[Codec, _Pair, dict[str, Values]] = Experiment(
        open_context=open_codec,
        measure=_measure,
        record_path=lambda item: item.record,
        label=lambda item: f"content {item.names[0]}, motion {item.names[1]}",
    )
    outcome = experiment.run(items, jobs=request.jobs, keep_going=True, progress=partial(progress, "pairs"))
    scores = [
        TransferScore(content=item.names[0], motion=item.names[1], candidate=candidate, values=values)
        for item, record in outcome.results.items()
        for candidate, values in record.items()
    ]
    shown = [item for item in outcome.results if all(clip.may_be_shown for clip in item.clips)]
    shown = [shown[index] for index in spread_indices(len(shown), SHEET_PAIRS)]
    credits = _write_sheet(request.out / SHEET, shown) if shown else []
    numbers: dict[str, Any] = {
        "weights": {"name": codec.model.config.name, "id": codec.model_id},
        "seconds": request.seconds,
        "seed": SEED,
        "chosen": "of one clip a person" if request.pairs is None else FIXED,
        "sampling": to_json(codec.sampling),
        "scores": [to_json(score) for score in scores],
        "sheet": [list(item.names) for item in shown],
        "failures": [to_json(failure) for failure in outcome.failures],
    }
    write_numbers(request.out / NUMBERS, numbers)
    person_of = {clip.name: clip.person for clip in clips}
    tables = {**note, "run": run_lines(numbers, person_of), **page_tables(scores, person_of)}
    update_page(request.out / PAGE, {**tables, "credits": [f"- {credit}" for credit in credits]})
    return numbers


def run_lines(numbers: dict[str, Any], person_of: dict[str, str]) -> list[str]:
    """The head of the page: weights, sampling, pairs, failures."""
    steps, contents = numbers["sampling"]["steps"], {score["content"] for score in numbers["scores"]}
    pairs = {(score["content"], score["motion"]) for score in numbers["scores"]}
    people = len({person_of[content] for content in contents})
    return [
        f"- Weights `{numbers['weights']['name']}`, id `{numbers['weights']['id']}`; "
        f"{counted(steps, 'sampling step')}, noise of seed {numbers['seed']}.",
        f"- {counted(len(pairs), 'pair')} {numbers.get('chosen', FIXED)}, {people} people whose "
        f"appearance is taken, {numbers['seconds']:g} s of each clip.",
        *failure_lines(numbers["failures"], "pairs"),
    ]


def _items(request: Request, codec: Codec, pairs: list[tuple[Clip, Clip]]) -> list[_Pair]:
    excerpts, rate, side = Excerpts(request.work / "clips"), codec.model.frame_rate, codec.model.config.pixels
    common = [VERSION, codec.model_id, to_json(codec.sampling), request.seconds]
    items = []
    for clips in pairs:
        content, motion = (excerpts.prepare(clip, rate=rate, seconds=request.seconds, side=side) for clip in clips)
        hashes = [excerpts.content_hash(clip.path) + "-face" * (not clip.framed) for clip in clips]
        record = record_path(request.work / "pairs", *common, *hashes)
        items.append(_Pair(clips=clips, sources=(content, motion), record=record))
    return items


def _measure(codec: Codec, item: _Pair) -> dict[str, Values]:
    content, motion = (read_frames(path, codec.model.frame_rate) for path in item.sources)
    stream = item.record.with_suffix(f".{os.getpid()}.bcd")
    try:
        result = transfer_frames(item.sources, model=codec.model, sampling=codec.sampling, stream=stream)
    finally:
        stream.unlink(missing_ok=True)
    save_png(item.record.with_suffix(".png"), _strip(content, motion, result))
    return score_pair(pair_bounds(content, motion), result)


def _strip(content: NDArray[np.uint8], motion: NDArray[np.uint8], result: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Content clip, motion clip and result, one above the other: [3 * side, columns * side, 3]."""
    shown = spread_indices(min(len(content), len(motion)), SHEET_COLUMNS)
    return np.concatenate([np.concatenate(list(video[shown]), axis=1) for video in (content, motion, result)])


def _write_sheet(path: Path, shown: list[_Pair]) -> list[str]:
    """Write the strips of pairs; returns the credits of their clips."""
    credits = list(dict.fromkeys(clip.credit for item in shown for clip in item.clips))
    strips = [load_png(item.record.with_suffix(".png")) for item in shown]
    save_png(path, contact_sheet(strips, cell=SHEET_CELL, rows=3), text="; ".join(credits))
    return credits
