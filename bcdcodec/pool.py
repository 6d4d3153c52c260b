"""Worker processes: `map_unordered` yields results as they finish, `map_ordered` in the order of the items.

Workers are spawned, never forked: a fork copies the locks of torch's and PyAV's threads in whatever state they are.
"""

import importlib.util
import logging
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from bcdcodec.errors import BcdError

Item = TypeVar("Item")
Result = TypeVar("Result")
#: Items that are submitted before their results are needed, for each worker: bounds memory, keeps all busy.
AHEAD = 2


def map_unordered(
    run: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    workers: int,
    setup: Callable[..., object] | None = None,
    arguments: tuple[Any, ...] = (),
    failed: Callable[[int, BcdError | OSError], None] | None = None,
) -> Iterator[tuple[int, Result]]:
    """Yield (index, result) of every item as it finishes.

    setup: called once in every process with `arguments`. failed: receives the index and the error of an item that
    raises BcdError or OSError, and the others go on; without it the first such error ends the run. BcdError where a
    worker is killed.
    """
    with _spawned(workers, len(items), setup, arguments) as pool:
        index_of = {pool.submit(run, item): index for index, item in enumerate(items)}
        for future in as_completed(index_of):
            try:
                result = future.result()
            except (BcdError, OSError) as error:
                if failed is None:
                    raise
                failed(index_of[future], error)
                continue
            yield index_of[future], result


def map_ordered(
    run: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int,
    setup: Callable[..., object] | None = None,
    arguments: tuple[Any, ...] = (),
) -> Iterator[Result]:
    """Yield the result of every item in order, a bounded number of items ahead. Errors as in `map_unordered`."""
    with _spawned(workers, workers, setup, arguments) as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(run, item))
            if len(waiting) > AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def threads_per_worker(workers: int) -> int:
    """Threads of torch that share the machine's cores evenly among `workers` processes."""
    return max(1, (os.cpu_count() or 1) // workers)


def limit_threads(count: int) -> None:
    """The setup of workers that share a machine: so many threads of torch or onnxruntime in this process."""
    os.environ["OMP_NUM_THREADS"] = str(count)
    if importlib.util.find_spec("torch") is not None:
        import torch

        torch.set_num_threads(count)


@contextmanager
def _spawned(
    workers: int, items: int, setup: Callable[..., object] | None, arguments: tuple[Any, ...]
) -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(
        max(1, min(workers, items)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(setup, arguments),
    )
    try:
        yield pool
    except BrokenProcessPool as error:
        raise BcdError(
            "a worker was killed (out of memory?); run the same command again, with fewer workers if it recurs"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker(setup: Callable[..., object] | None, arguments: tuple[Any, ...]) -> None:
    # Dies at once when the command is interrupted, and leaves stderr to the command's progress bar.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    logging.getLogger("bcdcodec").addHandler(logging.NullHandler())
    if setup is not None:
        setup(*arguments)
