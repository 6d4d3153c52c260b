"""Rate-control study: bitrates of encoded clips, and the value of each rate-control tool; docs/rate_control.md."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bcdcodec.atomic import file_hash
from bcdcodec.codec.model import CodecModel
from bcdcodec.evaluation.harness.clips import read_clips
from bcdcodec.evaluation.harness.experiment import Experiment, record_path
from bcdcodec.evaluation.harness.records import write_numbers
from bcdcodec.evaluation.report.tables import update_page
from bcdcodec.studies.rate_control import bitrates, tables, variants
from bcdcodec.studies.rate_control.bitrates import ClipTarget

PAGE, BITRATES, TOOLS = "rate_control.md", "rate_control/bitrates.json", "rate_control/tools.json"
#: Counts up when the same encoder measures something else.
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Settings of a run.

    clips: folder with clips.csv, encoded at every target. tool_clips: clips of 10 s and longer, of no person in
    `clips`, for the value of the tools; empty leaves that table as it is.
    """

    clips: Path
    tool_clips: tuple[Path, ...]
    out: Path
    work: Path
    weights: str
    jobs: int


def run_study(request: Request, *, progress: Callable[[str, int, int], None]) -> dict[str, Any]:
    """Measure what is missing, write page and numbers; returns the numbers by file."""
    model = CodecModel.load(request.weights, device="cpu")
    model_id = model.weights.model_id.hex()
    encoder = bitrates.encoder_hash(model)
    items = [
        ClipTarget(clip=clip.path, target=target, record=_record(request.work, clip.path, "bitrates", encoder, target))
        for clip in read_clips(request.clips)
        for target in bitrates.TARGETS
    ]
    records = _run(request, bitrates.measure_bitrate, items, partial(progress, "bitrates"))
    numbers: dict[str, Any] = {
        "bitrates": {"weights": model_id, "bucket_s": bitrates.BUCKET_S, "clips": records},
    }
    write_numbers(request.out / BITRATES, numbers["bitrates"])
    page = {"bitrates": tables.bitrate_table(records)}
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
        records = _run(request, variants.measure_variant, items, partial(progress, "tools"))
        numbers["tools"] = {"weights": model_id, "points": records}
        write_numbers(request.out / TOOLS, numbers["tools"])
        page["tools"] = tables.variant_table(records)
    update_page(request.out / PAGE, page)
    return numbers


def _run(
    request: Request,
    measure: Callable[[CodecModel, ClipTarget], dict[str, Any]],
    items: Sequence[ClipTarget],
    progress: Callable[[int, int], None],
) -> list[dict[str, Any]]:
    experiment: Experiment[CodecModel, ClipTarget, dict[str, Any]] = Experiment(
        open_context=partial(CodecModel.load, request.weights, device="cpu"),
        measure=measure,
        record_path=lambda item: item.record,
    )
    return list(experiment.run(items, jobs=request.jobs, progress=progress).results.values())


def _record(work: Path, clip: Path, *key: object) -> Path:
    return record_path(work, VERSION, file_hash(clip), *key, name=clip.stem)
