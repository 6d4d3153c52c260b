"""All cells of a plan, in parallel processes. In: a `Plan`, clips, weights. Out: a result for every cell.

clips -> trimmed, cropped, lossless -> cells -> those without a result -> worker processes -> store
"""

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.errors import BcdError, ConfigError
from bcdcodec.evaluation.bench.cell import Cell, CellResult, read_all, run_cell
from bcdcodec.evaluation.bench.plan import Plan
from bcdcodec.evaluation.bench.series import OWN, SIDE, Series
from bcdcodec.evaluation.bench.stopwatch import processor
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

    def on(self, series: Series) -> str:
        """What a series runs on: bcdcodec on the model's device, the others on one thread."""
        if series.codec != OWN:
            return f"{processor()}, 1 thread"
        import torch

        if self.model.device.type == "cuda":
            return str(torch.cuda.get_device_name(self.model.device))
        return f"{processor()}, {torch.get_num_threads()} thread{'s' * (torch.get_num_threads() != 1)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """what: a cell or a pair that could not be measured. said: why, in one line."""

    what: str
    said: str


def open_bench(setting: Setting) -> Bench:
    """Takes a second: once a process. Raises WeightsError."""
    model = CodecModel.load(setting.weights, device=setting.device)
    sampling = model.config.sampling[setting.preset]
    store = Store(setting.work, setting.plan, model_id=model.weights.model_id.hex(), sampling=sampling)
    return Bench(setting, model, store, sampling)


def run_plan(
    bench: Bench, clips: list[Clip], *, jobs: int, progress: Progress
) -> tuple[dict[Cell, CellResult], list[Failure]]:
    """Results by cell in the order of the plan, and what could not be measured; what is finished stays finished.
    ConfigError if worker processes die.
    """
    cells = list(_cells(bench.setting.plan, clips, bench.store))
    found = {cell: result for cell in cells if (result := bench.store.load(cell)) is not None}
    failed = _in_parallel(bench.setting, _measure, cells, found, jobs, progress)
    named = [Failure(what=f"{cell.clip}, {cell.series.name} at {cell.point}", said=said) for cell, said in failed]
    # Read back, so that two names of one clip have one result, and the next run the same.
    kept = {cell: result for cell in cells if (result := bench.store.load(cell)) is not None}
    return kept, named


def run_transfer(
    bench: Bench, pairs: list[tuple[Clip, Clip]], *, seconds: float, jobs: int, progress: Progress
) -> tuple[list[TransferScore], list[Failure]]:
    """Every candidate of every (content, motion), in order, and the pairs that failed; see `run_plan`."""
    rate, store = bench.model.frame_rate, bench.store
    works = []
    for pair in pairs:
        contents = store.content(pair[0].path), store.content(pair[1].path)
        sources = _prepare(pair[0], rate, seconds, store), _prepare(pair[1], rate, seconds, store)
        works.append(_Pair(names=(pair[0].name, pair[1].name), sources=sources, to=store.pair_path(contents, seconds)))
    found = {work: values for work in works if (values := store.load_pair(work.to)) is not None}
    failed = _in_parallel(bench.setting, _transfer, works, found, jobs, progress)
    scores = [
        TransferScore(content=work.names[0], motion=work.names[1], candidate=name, values=values)
        for work in works
        if work in found
        for name, values in found[work].items()
    ]
    return scores, [Failure(what=f"transfer {' to '.join(reversed(work.names))}", said=said) for work, said in failed]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """names, sources: of content and motion. to: where its scores are kept."""

    names: tuple[str, str]
    sources: tuple[Path, Path]
    to: Path


def _in_parallel(
    setting: Setting,
    run: Callable[[Any], Any],
    items: Sequence[Any],
    found: dict[Any, Any],
    jobs: int,
    progress: Progress,
) -> list[tuple[Any, str]]:
    """Fill `found` with what `run` makes of every item that it lacks; returns those that failed, and what they said."""
    missing = [item for item in items if item not in found]
    done, failed = len(items) - len(missing), []
    progress(done, len(items))
    if not missing:
        return []
    context = get_context("spawn")  # a forked copy of a process that used torch may hang
    with ProcessPoolExecutor(jobs, context, initializer=_start, initargs=(setting, threads_of(jobs))) as pool:
        waiting = {pool.submit(run, item): item for item in missing}
        try:
            for future in as_completed(waiting):
                try:
                    found[waiting[future]] = future.result()
                except BrokenProcessPool as error:
                    raise ConfigError(
                        f"a worker process died with {len(items) - done} of {len(items)} left, most likely for want of "
                        f"memory; what is finished is kept: run the same command again, with fewer jobs than {jobs}"
                    ) from error
                except (BcdError, OSError) as error:
                    failed.append((waiting[future], " ".join(str(error).split())))
                done += 1
                progress(done, len(items))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return failed


def threads_of(jobs: int) -> int:
    """Threads of each of so many workers."""
    return max(1, (os.cpu_count() or 1) // jobs)


def _cells(plan: Plan, clips: list[Clip], store: Store) -> Iterator[Cell]:
    for clip in clips:
        for series in plan.series:
            source = _prepare(clip, series.rate, plan.seconds, store)
            for point in series.points:
                yield Cell(clip=clip.name, content=store.content(clip.path), source=source, series=series, point=point)


def _prepare(clip: Clip, rate: Fraction, seconds: float, store: Store) -> Path:
    """The start of a clip as every codec gets it."""
    path = store.clip_path(store.content(clip.path), rate, seconds)
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
    # Two workers may have one clip under two names.
    coded = bench.store.path(cell, f".{os.getpid()}{'.bcd' if cell.series.codec == OWN else '.mp4'}")
    try:
        found = run_cell(
            cell, bench.model, sampling=bench.sampling, coded=coded, plan=bench.setting.plan, on=bench.on(cell.series)
        )
    finally:
        coded.unlink(missing_ok=True)
    bench.store.save(cell, found)
    return found.result


def _transfer(pair: _Pair) -> dict[str, dict[str, float | None]]:
    bench = _HELD[0]
    content, motion = (read_all(path, bench.model.frame_rate) for path in pair.sources)
    stream = pair.to.with_suffix(f".{os.getpid()}.bcd")
    try:
        values = score_pair(
            content, motion, sources=pair.sources, model=bench.model, sampling=bench.sampling, stream=stream
        )
    finally:
        stream.unlink(missing_ok=True)
    bench.store.save_pair(pair.to, values)
    return values
