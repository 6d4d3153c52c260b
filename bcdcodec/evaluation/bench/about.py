"""What was run, so that it can be run again. In: a `Request`, a `Run`. Out: the lines at the head of a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bcdcodec.evaluation.bench.runner import Bench, threads_of
from bcdcodec.evaluation.bench.stopwatch import processor
from bcdcodec.evaluation.clips import Clip


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """plan, clips: a TOML file and a folder with clips.csv. out: folder of the page. jobs: processes at a time."""

    plan: Path
    clips: Path
    out: Path
    work: Path
    weights: str
    device: str
    preset: str
    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """cells, pairs: measured in all; kept: of both together, found finished. seconds: of this run, by the clock."""

    bench: Bench
    clips: Sequence[Clip]
    cells: int
    pairs: int
    kept: int
    seconds: float


def about_lines(request: Request, run: Run) -> list[str]:
    """Command, plan, clips and people, time, machine, weights. Folders of this machine are left out of the command."""
    plan, model, sampling = run.bench.setting.plan, run.bench.model, run.bench.sampling
    people = len({clip.person for clip in run.clips})
    threads = threads_of(request.jobs)
    command = f"bcd bench {_short(request.plan)} CLIPS --out {_short(request.out)} --jobs {request.jobs}"
    rates = ", ".join(f"{rate:g}" for rate in dict.fromkeys(float(series.rate) for series in plan.series))
    fresh = run.cells + run.pairs - run.kept
    lines = [
        f"- Command: `{command} --preset {request.preset} --device {request.device}`; plan `{request.plan.name}`.",
        f"- {len(run.clips)} clips of {people} unseen people, the first {plan.seconds:g} s of each, {rates} frames a "
        "second, 256x256.",
        f"- Weights `{model.config.name}`, id `{model.weights.model_id.hex()}`; {sampling.steps} sampling "
        f"step{'s' * (sampling.steps != 1)}.",
        f"- {run.cells} cells" + (f" and {run.pairs} transfers" if run.pairs else "") + f", {fresh} of them measured "
        f"in this run, which took {run.seconds / 60:.0f} min; the others were kept from runs before.",
        f"- {request.jobs} at a time with {threads} thread{'s' * (threads != 1)} each, {processor()}, model on "
        f"{model.device}.",
    ]
    return lines


def _short(path: Path) -> str:
    return path.name if path.is_absolute() else str(path)
