"""All RD points of a plan, measured by the experiment engine in worker processes."""

import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.evaluation.harness.clips import Clip, Excerpts
from bcdcodec.evaluation.harness.experiment import Experiment, Outcome, Progress
from bcdcodec.evaluation.harness.timing import processor
from bcdcodec.studies.rate_distortion.plan import OWN, SIDE, Plan, Series
from bcdcodec.studies.rate_distortion.rd_point import RDPoint, RDResult, measure_rd_point
from bcdcodec.studies.rate_distortion.store import PointStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What every worker needs. weights: a name or path; device as `CodecModel.load` takes it."""

    plan: Plan
    work: Path
    weights: str
    device: str
    preset: str


@dataclass(frozen=True, slots=True)
class Bench:
    """A setting with its networks loaded and its store open."""

    setting: Setting
    model: CodecModel
    store: PointStore
    sampling: SamplingConfig

    def device_name(self, series: Series) -> str:
        """The hardware of a series: bcdcodec on the model's device, the others on one thread."""
        if series.codec != OWN:
            return f"{processor()}, 1 thread"
        import torch

        if self.model.device.type == "cuda":
            return str(torch.cuda.get_device_name(self.model.device))
        return f"{processor()}, {torch.get_num_threads()} thread{'s' * (torch.get_num_threads() != 1)}"


def open_bench(setting: Setting) -> Bench:
    """Load the networks: a second, once a process. Raises WeightsError."""
    model = CodecModel.load(setting.weights, device=setting.device)
    sampling = model.config.sampling[setting.preset]
    store = PointStore(setting.work, setting.plan, model_id=model.weights.model_id.hex(), sampling=sampling)
    return Bench(setting, model, store, sampling)


def run_plan(bench: Bench, clips: list[Clip], *, jobs: int, progress: Progress) -> Outcome[RDPoint, RDResult]:
    """Results by point in the order of the plan; points that cannot be measured become failures."""
    experiment = Experiment(
        open_context=partial(open_bench, bench.setting),
        measure=_measure,
        parse=RDResult.from_json,
        record_path=bench.store.path,
        label=lambda item: f"{item.clip}, {item.series.name} at {item.operating_point}",
    )
    points = list(_rd_points(bench.setting, clips))
    outcome = experiment.run(points, jobs=jobs, keep_going=True, progress=progress)
    # A record may have been written under another name of the same clip.
    outcome.results = {point: dataclasses.replace(result, clip=point.clip) for point, result in outcome.results.items()}
    return outcome


def _rd_points(setting: Setting, clips: list[Clip]) -> Iterator[RDPoint]:
    excerpts = Excerpts(setting.work / "clips")
    for clip in clips:
        for series in setting.plan.series:
            source = excerpts.prepare(clip, rate=series.rate, seconds=setting.plan.seconds, side=SIDE)
            for operating_point in series.points:
                yield RDPoint(
                    clip=clip.name,
                    content_hash=excerpts.content_hash(clip.path),
                    source=source,
                    series=series,
                    operating_point=operating_point,
                )


def _measure(bench: Bench, rd_point: RDPoint) -> dict[str, object]:
    # Two workers may have one clip under two names.
    suffix = f".{os.getpid()}{'.bcd' if rd_point.series.codec == OWN else '.mp4'}"
    coded = bench.store.path(rd_point, suffix)
    try:
        found = measure_rd_point(
            rd_point,
            bench.model,
            sampling=bench.sampling,
            coded=coded,
            plan=bench.setting.plan,
            on=bench.device_name(rd_point.series),
        )
    finally:
        coded.unlink(missing_ok=True)
    bench.store.save_files(rd_point, found)
    return found.result.to_json()
