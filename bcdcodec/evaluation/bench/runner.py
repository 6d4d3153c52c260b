"""All cells of a plan, in parallel processes. In: a `Plan`, clips, weights. Out: a result for every cell.

clips -> trimmed, cropped, lossless -> cells -> those without a result -> worker processes -> store
"""

import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.evaluation.bench.cell import Cell, CellResult, read_all, run_cell
from bcdcodec.evaluation.bench.plan import SIDE, Plan
from bcdcodec.evaluation.bench.store import Store
from bcdcodec.evaluation.bench.transfer import TransferScore, score_pair
from bcdcodec.evaluation.clips import Clip
from bcdcodec.video.clip import read_clip
from bcdcodec.video.lossless import write_lossless

#: (cells done, cells in all)
Progress = Callable[[int, int], None]


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
    """A setting with its networks read and its store open."""

    setting: Setting
    model: CodecModel
    store: Store
    sampling: SamplingConfig


def open_bench(setting: Setting) -> Bench:
    """Takes a second: once a process. Raises WeightsError."""
    model = CodecModel.load(setting.weights, device=setting.device)
    sampling = model.config.sampling[setting.preset]
    store = Store(setting.work, setting.plan, model_id=model.weights.model_id.hex(), sampling=sampling)
    return Bench(setting, model, store, sampling)


def run_plan(bench: Bench, clips: list[Clip], *, jobs: int, progress: Progress) -> dict[Cell, CellResult]:
    """Results by cell, in the order of the plan. Errors of a cell end the run; what is finished stays finished."""
    cells = list(_cells(bench.setting.plan, clips, bench.store))
    found = {cell: result for cell in cells if (result := bench.store.load(cell)) is not None}
    missing = [cell for cell in cells if cell not in found]
    _in_parallel(bench.setting, _measure, missing, found, jobs, len(cells), progress)
    return {cell: found[cell] for cell in cells}


def run_transfer(
    bench: Bench, pairs: list[tuple[Clip, Clip]], *, seconds: float, jobs: int, progress: Progress
) -> list[TransferScore]:
    """Every candidate of every (content, motion), in order; what is finished stays finished here too."""
    rate, folder = bench.model.frame_rate, bench.store.clips
    works = [(_prepare(a, rate, seconds, folder), _prepare(b, rate, seconds, folder)) for a, b in pairs]
    found = {work: values for work in works if (values := bench.store.load_pair(work)) is not None}
    missing = [work for work in works if work not in found]
    _in_parallel(bench.setting, _transfer, missing, found, jobs, len(works), progress)
    return [
        TransferScore(content=content.name, motion=motion.name, candidate=name, values=values)
        for (content, motion), work in zip(pairs, works, strict=True)
        for name, values in found[work].items()
    ]


def _in_parallel(
    setting: Setting,
    run: Callable[[Any], Any],
    missing: list[Any],
    found: dict[Any, Any],
    jobs: int,
    total: int,
    progress: Progress,
) -> None:
    """Fill `found` with what `run` makes of everything that is missing."""
    progress(len(found), total)
    if not missing:
        return
    threads = max(1, (os.cpu_count() or 1) // jobs)
    context = get_context("spawn")  # a forked copy of a process that used torch may hang
    with ProcessPoolExecutor(jobs, context, initializer=_start, initargs=(setting, threads)) as pool:
        waiting = {pool.submit(run, item): item for item in missing}
        try:
            for done in as_completed(waiting):
                found[waiting[done]] = done.result()
                progress(len(found), total)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _cells(plan: Plan, clips: list[Clip], store: Store) -> Iterator[Cell]:
    for clip in clips:
        for series in plan.series:
            source = _prepare(clip, series.rate, plan.seconds, store.clips)
            for point in series.points:
                yield Cell(clip=clip.name, source=source, series=series, point=point)


def _prepare(clip: Clip, rate: Fraction, seconds: float, folder: Path) -> Path:
    """The start of a clip as every codec gets it."""
    path = folder / f"{clip.name}-{float(rate):g}-{seconds:g}.mkv"
    if not path.exists():
        frames = itertools.islice(read_clip(clip.path, rate=rate, pixels=SIDE), round(seconds * rate))
        write_lossless(path, frames, rate=rate)
    return path


#: What a worker process holds between cells.
_HELD: list[Bench] = []


def _start(setting: Setting, threads: int) -> None:
    import torch

    torch.set_num_threads(threads)
    _HELD[:] = [open_bench(setting)]


def _measure(cell: Cell) -> CellResult:
    bench = _HELD[0]
    coded = bench.store.path(cell, ".bcd" if not cell.series.profile else ".mp4")
    found = run_cell(cell, bench.model, sampling=bench.sampling, coded=coded, plan=bench.setting.plan)
    bench.store.save(cell, found)
    coded.unlink()
    return found.result


def _transfer(sources: tuple[Path, Path]) -> dict[str, dict[str, float | None]]:
    bench = _HELD[0]
    content, motion = (read_all(path, bench.model.frame_rate) for path in sources)
    stream = bench.store.pair_path(sources).with_suffix(".bcd")
    values = score_pair(content, motion, sources=sources, model=bench.model, sampling=bench.sampling, stream=stream)
    bench.store.save_pair(sources, values)
    stream.unlink()
    return values
