"""Rate-control study: bitrates of encoded clips, and the value of each rate-control tool; docs/rate_control.md."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bcdcodec.atomic import file_hash
from bcdcodec.codec.model import CodecModel
from bcdcodec.evaluation.harness.clips import Clip, Excerpts, read_clips
from bcdcodec.evaluation.harness.experiment import Experiment, Failure, StageProgress, record_path
from bcdcodec.evaluation.harness.quick import choose_quick, quick_note, shorten
from bcdcodec.evaluation.harness.records import to_json, write_numbers
from bcdcodec.evaluation.harness.time_left import Work
from bcdcodec.evaluation.report.tables import counted, failure_lines, update_page
from bcdcodec.studies.rate_control import bitrates, tables, variants
from bcdcodec.studies.rate_control.bitrates import ClipTarget

PAGE, BITRATES, TOOLS = "rate_control.md", "rate_control/bitrates.json", "rate_control/tools.json"
#: Counts up when the same encoder measures something else.
VERSION = 1
#: Of the quick version.
QUICK_CLIPS, QUICK_SECONDS, QUICK_STEP = 3, 2.0, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Settings of a run.

    clips: folder of clips, encoded at every target. tool_clips: clips of 10 s and longer, of no person in
    `clips`, for the value of the tools; empty leaves that table as it is. quick: the starts of a few clips, at some
    targets.
    """

    clips: Path
    tool_clips: tuple[Path, ...]
    out: Path
    work: Path
    weights: str
    jobs: int
    quick: bool = False


def run_study(request: Request, *, progress: StageProgress) -> dict[str, Any]:
    """Measure what is missing, write page and numbers; returns the numbers by file.

    Clips that cannot be measured are in their `failures`; BcdError where none can.
    """
    model = CodecModel.load(request.weights, device="cpu")
    model_id = model.weights.model_id.hex()
    encoder = bitrates.encoder_hash(model)
    clips, targets, page = _choice(request, model)
    items = [_item(request.work, clip, target, encoder) for clip in clips for target in targets]
    records, failures = _run(request, bitrates.measure_bitrate, items, partial(progress, "bitrates"))
    numbers: dict[str, Any] = {
        "bitrates": {"weights": model_id, "bucket_s": bitrates.BUCKET_S, "clips": records},
        "failures": [to_json(failure) for failure in failures],
    }
    write_numbers(request.out / BITRATES, numbers["bitrates"])
    page["bitrates"] = [*tables.bitrate_table(records), *failure_lines(numbers["failures"], "measurements")]
    if request.tool_clips:
        items = [
            ClipTarget(
                clip=clip,
                target=target,
                variant=variant.name,
                record=_record(request.work, clip, variant.name, model_id, target),
            )
            for clip in request.tool_clips
            for variant in variants.VARIANTS
            for target in variant.targets
        ]
        records, failures = _run(request, variants.measure_variant, items, partial(progress, "tools"))
        numbers["failures"] += (failed := [to_json(failure) for failure in failures])
        numbers["tools"] = {"weights": model_id, "points": records}
        write_numbers(request.out / TOOLS, numbers["tools"])
        page["tools"] = [*tables.variant_table(records), *failure_lines(failed, "measurements")]
    update_page(request.out / PAGE, page)
    return numbers


def _choice(request: Request, model: CodecModel) -> tuple[list[Clip], tuple[int, ...], dict[str, list[str]]]:
    """The clips and targets of a run, and the note of a quick one."""
    clips = read_clips(request.clips)
    if not request.quick:
        return clips, bitrates.TARGETS, {}
    targets = bitrates.TARGETS[::QUICK_STEP]
    some = f"{counted(len(targets), 'bitrate')} of {len(bitrates.TARGETS)}."
    note = quick_note(min(QUICK_CLIPS, len(clips)), len(clips), seconds=QUICK_SECONDS, others=some)
    excerpts, chosen = Excerpts(request.work / "quick"), choose_quick(clips, QUICK_CLIPS)
    side = model.config.pixels
    return shorten(chosen, excerpts, rate=model.frame_rate, seconds=QUICK_SECONDS, side=side), targets, note


def _item(work: Path, clip: Clip, target: int, encoder: str) -> ClipTarget:
    framing = [] if clip.framed else ["face"]
    record = _record(work, clip.path, "bitrates", encoder, target, *framing)
    return ClipTarget(clip=clip.path, target=target, record=record, crop=clip.crop, seconds=clip.seconds)


def _run(
    request: Request,
    measure: Callable[[CodecModel, ClipTarget], dict[str, Any]],
    items: Sequence[ClipTarget],
    progress: Callable[[int, int, float | None], None],
) -> tuple[list[dict[str, Any]], list[Failure]]:
    experiment: Experiment[CodecModel, ClipTarget, dict[str, Any]] = Experiment(
        open_context=partial(CodecModel.load, request.weights, device="cpu"),
        measure=measure,
        record_path=lambda item: item.record,
        label=lambda item: f"{item.clip.stem} at {item.target}{', ' * bool(item.variant)}{item.variant}",
        work=lambda item: Work((item.target, item.variant), item.seconds),
    )
    outcome = experiment.run(items, jobs=request.jobs, keep_going=True, progress=progress)
    outcome.require_any()
    return list(outcome.results.values()), outcome.failures


def _record(work: Path, clip: Path, *key: object) -> Path:
    return record_path(work, VERSION, file_hash(clip), *key, name=clip.stem)
