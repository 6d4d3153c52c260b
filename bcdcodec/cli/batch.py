"""Commands on many files: which files, what their outputs are called, and the run over all of them.

FILES and FOLDERS -o DIR -> one task a file -> this process, several, or a Ray cluster -> failures at the end

What is there already stays, so the same command resumes.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from bcdcodec.cli.options import MAX_WORKERS, whole_number
from bcdcodec.cli.progress import progress_bar
from bcdcodec.cli.streams import STANDARD
from bcdcodec.errors import BcdError, ConfigError

if TYPE_CHECKING:
    from bcdcodec.codec.model import CodecModel

#: Suffix of streams.
STREAM_SUFFIX = ".bcd"
FAILED = 2

#: A task: the options of the command, with `source` and `target` of one file.
Task = argparse.Namespace


def add_batch_options(parser: argparse.ArgumentParser, *, target: str) -> None:
    """Add -o, --recursive, -j and --ray. target: what an output is called in the help."""
    parser.add_argument("-o", "--out", metavar=f"{target}|DIR", help="file to write; a folder, for several files")
    parser.add_argument("-r", "--recursive", action="store_true", help="folders with all that is below them")
    parser.add_argument(
        "-j", "--workers", type=whole_number(1, MAX_WORKERS), default=1, metavar="N", help="files at a time (1)"
    )
    parser.add_argument(
        "--ray", metavar="ADDRESS|local", help="work on a Ray cluster, whose machines see the same paths"
    )


def single_task(options: argparse.Namespace, *, suffix: str) -> Task | None:
    """The task of a command on one file, `IN [OUT]` or `IN -o OUT`; None for a batch. suffix: of outputs.

    ConfigError for several files without a folder to write to.
    """
    paths, out = options.paths, options.out
    if len(paths) == 1 and not _is_folder(paths[0]) and not (out and _is_folder(out)):
        beside = STANDARD if paths[0] == STANDARD else str(Path(paths[0]).with_suffix(suffix))
        return _task(options, paths[0], out or beside)
    if out is not None:
        return None
    if len(paths) == 2 and not _is_folder(paths[0]):
        return _task(options, *paths)
    raise ConfigError("several files, or a folder of them, need a folder to write to: -o DIR")


def batch_tasks(options: argparse.Namespace, *, suffixes: frozenset[str], suffix: str) -> tuple[list[Task], int]:
    """Tasks of all files, and how many are left out because their output is there already, without --force.

    suffixes: of inputs in folders; suffix: of outputs, whose names are those of the inputs, and below a folder their
    paths. ConfigError where there is no input, or the output is no folder.
    """
    folder = Path(options.out)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file, several files need a folder to write to")
    if STANDARD in options.paths:
        raise ConfigError("standard input is one file without a name, which goes with no others")
    found = [
        *dict.fromkeys(pair for path in options.paths for pair in _inputs(Path(path), suffixes, options.recursive))
    ]
    if not found:
        looked_for = " ".join(sorted(suffixes))
        raise ConfigError(f"no file to work on in {', '.join(options.paths)}; folders are searched for {looked_for}")
    names = Counter(name.with_suffix(suffix) for _, name in found)
    tasks, there = list[Task](), 0
    for source, name in found:
        # Two of one name: talk.mp4 and talk.mov become talk.mp4.bcd and talk.mov.bcd.
        target = folder / (name.with_suffix(suffix) if names[name.with_suffix(suffix)] == 1 else f"{name}{suffix}")
        if target.exists() and not options.force:
            there += 1
            continue
        tasks.append(_task(options, str(source), str(target), progress=False))  # there is one bar over all
    return tasks, there


def run_batch(options: argparse.Namespace, run: Callable[[Task], str], tasks: list[Task], *, there: int) -> int:
    """Run all tasks; print the report of each as it ends, and failures after the last. Returns the exit code.

    run: does a task and returns its report, in another process where there are several.
    """
    for task in tasks:
        Path(task.target).parent.mkdir(parents=True, exist_ok=True)
    failures = list[tuple[int, BcdError | OSError]]()

    def fail(index: int, error: BcdError | OSError) -> None:
        failures.append((index, error))
        progress(done + len(failures), None)

    done = 0
    with progress_bar(options, "files", total=len(tasks)) as progress:
        for index, report in _results(options, run, tasks, fail):
            done += 1
            progress(done + len(failures), None)
            if not options.quiet:
                print(f"{tasks[index].target}: {report}", flush=True)
    for index, error in sorted(failures, key=lambda failure: failure[0]):
        print(f"bcd: error: {tasks[index].source}: {' '.join(str(error).split())}", file=sys.stderr)
    if not options.quiet:
        print(f"{options.out}: {done} of {len(tasks)} written, {there} there already, {len(failures)} failed")
    return FAILED if failures else 0


@lru_cache(maxsize=1)
def loaded_model(weights: str | Path, device: str) -> "CodecModel":
    """The model of a task: that of the task before, where its weights are the same."""
    from bcdcodec.codec.model import CodecModel

    return CodecModel.load(weights, device=device)


def _results(
    options: argparse.Namespace,
    run: Callable[[Task], str],
    tasks: Sequence[Task],
    failed: Callable[[int, BcdError | OSError], None],
) -> Iterator[tuple[int, str]]:
    if options.ray is not None:
        from bcdcodec.cluster import map_on_cluster

        yield from map_on_cluster(run, tasks, address=options.ray, workers=options.workers, failed=failed)
        return
    if options.workers > 1:
        from bcdcodec.pool import limit_threads, map_unordered, threads_per_worker

        threads = threads_per_worker(options.workers)
        yield from map_unordered(
            run, tasks, workers=options.workers, setup=limit_threads, arguments=(threads,), failed=failed
        )
        return
    for index, task in enumerate(tasks):
        try:
            report = run(task)
        except (BcdError, OSError) as error:
            failed(index, error)
            continue
        yield index, report


def _inputs(path: Path, suffixes: frozenset[str], recursive: bool) -> Iterator[tuple[Path, Path]]:
    """Each file of an argument, and its name below the output folder."""
    if not path.is_dir():
        yield path, Path(path.name)
        return
    for file in sorted(path.rglob("*") if recursive else path.iterdir()):
        if file.suffix.lower() in suffixes and not file.name.startswith(".") and file.is_file():
            yield file, file.relative_to(path)


def _is_folder(path: str) -> bool:
    return path.endswith(("/", os.sep)) or Path(path).is_dir()


def _task(options: argparse.Namespace, source: str, target: str, **others: object) -> Task:
    parsed = {name: value for name, value in vars(options).items() if name != "parser"}  # which no process can be sent
    return argparse.Namespace(**parsed | {"source": source, "target": target} | others)
