"""Study of reference pictures: what several of a shot are worth, in lively and in calm clips; docs/references.md."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.harness.clips import Excerpts, choose_clips, read_clips
from bcdcodec.evaluation.harness.experiment import Experiment, record_path
from bcdcodec.evaluation.harness.records import write_numbers
from bcdcodec.evaluation.report.tables import update_page
from bcdcodec.studies.references import measure, tables
from bcdcodec.studies.references.measure import Coding

PAGE, NUMBERS = "references.md", "references/references.json"
#: Counts up when the same encoder measures something else.
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Settings of a run.

    clips: folder with clips.csv. lively, calm: names of its clips, one table each; seconds: of each, from its start.
    """

    clips: Path
    lively: tuple[str, ...]
    calm: tuple[str, ...]
    seconds: float
    out: Path
    work: Path
    weights: str
    jobs: int


def run_study(request: Request, *, progress: Callable[[str, int, int], None]) -> dict[str, Any]:
    """Measure what is missing, write page and numbers, and return the numbers.

    Raises ConfigError for weights that send no pictures, and for unknown clips.
    """
    model = CodecModel.load(request.weights, device="cpu")
    if model.bcd.warper is None:
        raise ConfigError(f"model {model.config.name} has no warper, so it has no references to choose")
    groups = {"lively": request.lively, "calm": request.calm}
    items = {name: _codings(request, model, names) for name, names in groups.items()}
    experiment: Experiment[CodecModel, Coding, dict[str, Any]] = Experiment(
        open_context=partial(CodecModel.load, request.weights, device="cpu"),
        measure=measure.measure_references,
        record_path=lambda item: item.record,
    )
    together = [item for codings in items.values() for item in codings]
    results = experiment.run(together, jobs=request.jobs, progress=partial(progress, "references")).results
    records = {name: [results[item] for item in codings] for name, codings in items.items()}
    numbers = {"weights": model.weights.model_id.hex(), "seconds": request.seconds, **records}
    write_numbers(request.out / NUMBERS, numbers)
    update_page(request.out / PAGE, {name: tables.group_table(records[name]) for name in groups})
    return numbers


def _codings(request: Request, model: CodecModel, names: tuple[str, ...]) -> list[Coding]:
    excerpts = Excerpts(request.work / "excerpts")
    codings = []
    for clip in choose_clips(read_clips(request.clips), list(names)):
        source = excerpts.prepare(clip, rate=model.frame_rate, seconds=request.seconds, side=model.config.pixels)
        for target in measure.TARGETS:
            for variant in measure.VARIANTS:
                key = (VERSION, model.weights.model_id.hex(), source.name, target, variant)
                record = record_path(request.work, *key, name=clip.name)
                codings.append(Coding(clip=clip.name, source=source, target=target, variant=variant, record=record))
    return codings
