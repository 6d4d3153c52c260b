"""Transfer study: the motion of one person with the content of another; docs/transfer.md."""

import dataclasses
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.atomic import write_bytes, write_text
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.evaluation.harness.clips import Clip, Excerpts, read_clips, read_frames
from bcdcodec.evaluation.harness.experiment import Experiment, record_path
from bcdcodec.evaluation.metrics.table import loaded
from bcdcodec.evaluation.report.sheets import contact_sheet, spread_indices
from bcdcodec.evaluation.report.tables import update_page
from bcdcodec.studies.transfer.protocol import SEED, TransferScore, Values, read_pairs, score_pair, transfer_frames
from bcdcodec.studies.transfer.tables import page_tables
from bcdcodec.video.lossless import pack_png
from bcdcodec.video.reader import VideoReader

PAGE, NUMBERS, SHEET = "transfer.md", "transfer/transfer.json", "transfer/sheet.png"
#: Counts up when the same pair measures something else.
VERSION = 4
#: Pictures of a pair in the sheet, pairs in the sheet, and pixels of a picture.
SHEET_COLUMNS, SHEET_PAIRS, SHEET_CELL = 8, 3, 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """clips: folder with clips.csv. pairs: CSV file with columns content and motion. seconds: of each clip."""

    clips: Path
    pairs: Path
    out: Path
    work: Path
    weights: str
    device: str
    preset: str
    seconds: float
    jobs: int


@dataclass(frozen=True, slots=True)
class _Codec:
    model: CodecModel
    sampling: SamplingConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """names, sources: of content and motion. record: file of the scores."""

    names: tuple[str, str]
    sources: tuple[Path, Path]
    record: Path


def run_study(request: Request, *, progress: Callable[[str, int, int], None]) -> dict[str, Any]:
    """Measure what is missing, write page, sheet and numbers; returns the content of transfer.json.

    Pairs that cannot be measured are in its `failures`.
    """
    clips = read_clips(request.clips)
    pairs = read_pairs(request.pairs, clips)
    for metric in ("csim", "ard", "auh"):  # fail early if an optional dependency is missing
        loaded(metric)
    open_codec = partial(_open, request.weights, request.device, request.preset)
    codec = open_codec()
    items = _items(request, codec, pairs)
    experiment: Experiment[_Codec, _Pair, dict[str, Values]] = Experiment(
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
    shown = [
        (pair, item)
        for pair, item in zip(pairs, items, strict=True)
        if item in outcome.results and all(clip.may_be_shown for clip in pair)
    ]
    shown = [shown[index] for index in spread_indices(len(shown), SHEET_PAIRS)]
    credits = _write_sheet(request.out / SHEET, shown) if shown else []
    numbers: dict[str, Any] = {
        "weights": {"name": codec.model.config.name, "id": codec.model.weights.model_id.hex()},
        "seconds": request.seconds,
        "seed": SEED,
        "sampling": dataclasses.asdict(codec.sampling),
        "scores": [dataclasses.asdict(score) for score in scores],
        "sheet": [list(item.names) for _, item in shown],
        "failures": [dataclasses.asdict(failure) for failure in outcome.failures],
    }
    write_text(request.out / NUMBERS, json.dumps(numbers, indent=1) + "\n")
    run = run_lines(numbers, {clip.name: clip.person for clip in clips})
    tables = page_tables(scores, {clip.name: clip.person for clip in clips})
    update_page(request.out / PAGE, {"run": run, **tables, "credits": [f"- {credit}" for credit in credits]})
    return numbers


def run_lines(numbers: dict[str, Any], person_of: dict[str, str]) -> list[str]:
    """The head of the page: weights, sampling, pairs, failures."""
    steps, contents = numbers["sampling"]["steps"], {score["content"] for score in numbers["scores"]}
    pairs = {(score["content"], score["motion"]) for score in numbers["scores"]}
    lines = [
        f"- Weights `{numbers['weights']['name']}`, id `{numbers['weights']['id']}`; {steps} sampling "
        f"step{'s' * (steps != 1)}, noise of seed {numbers['seed']}.",
        f"- {len(pairs)} pairs of a fixed list, {len({person_of[content] for content in contents})} people whose "
        f"appearance is taken, {numbers['seconds']:g} s of each clip.",
    ]
    if numbers["failures"]:
        lines += ["", f"**{len(numbers['failures'])} pairs failed and are left out of everything below:**", ""]
        lines += [f"- {failure['item']}: {failure['reason']}" for failure in numbers["failures"]]
    return lines


def _open(weights: str, device: str, preset: str) -> _Codec:
    model = CodecModel.load(weights, device=device)
    return _Codec(model, model.config.sampling[preset])


def _items(request: Request, codec: _Codec, pairs: list[tuple[Clip, Clip]]) -> list[_Pair]:
    excerpts, rate, side = Excerpts(request.work / "clips"), codec.model.frame_rate, codec.model.config.pixels
    common = [VERSION, codec.model.weights.model_id.hex(), dataclasses.asdict(codec.sampling), request.seconds]
    items = []
    for content, motion in pairs:
        sources = [excerpts.prepare(clip, rate=rate, seconds=request.seconds, side=side) for clip in (content, motion)]
        hashes = [excerpts.content_hash(clip.path) for clip in (content, motion)]
        items.append(
            _Pair(
                names=(content.name, motion.name),
                sources=(sources[0], sources[1]),
                record=record_path(request.work / "pairs", *common, *hashes),
            )
        )
    return items


def _measure(codec: _Codec, item: _Pair) -> dict[str, Values]:
    item.record.parent.mkdir(parents=True, exist_ok=True)
    content, motion = (read_frames(path, codec.model.frame_rate) for path in item.sources)
    stream = item.record.with_suffix(f".{os.getpid()}.bcd")
    try:
        result = transfer_frames(item.sources, model=codec.model, sampling=codec.sampling, stream=stream)
    finally:
        stream.unlink(missing_ok=True)
    write_bytes(item.record.with_suffix(".png"), pack_png(_strip(content, motion, result)))
    return score_pair(content, motion, result)


def _strip(content: NDArray[np.uint8], motion: NDArray[np.uint8], result: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Content clip, motion clip and result, one above the other: [3 * side, columns * side, 3]."""
    shown = spread_indices(min(len(content), len(motion)), SHEET_COLUMNS)
    return np.concatenate([np.concatenate(list(video[shown]), axis=1) for video in (content, motion, result)])


def _write_sheet(path: Path, shown: list[tuple[tuple[Clip, Clip], _Pair]]) -> list[str]:
    """Write the strips of pairs; returns the credits of their clips."""
    credits = list(dict.fromkeys(clip.credit for pair, _ in shown for clip in pair))
    strips = []
    for _, item in shown:
        with VideoReader(item.record.with_suffix(".png"), Fraction(1)) as reader:
            strips.append(next(iter(reader)).pixels)
    write_bytes(path, pack_png(contact_sheet(strips, cell=SHEET_CELL, rows=3), text="; ".join(credits)))
    return credits
