"""Batches drawn ahead by threads: the next ones are read from disk while an update is computed.

Every batch is a function of its step alone, so that neither the number of threads nor where a run resumes changes one.
Threads are enough: most of the time goes to copies out of mapped files, which hold no lock of the interpreter.
"""

import itertools
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor

from bcdcodec.training.data.batch import CrossDrivenBatch

#: Threads, and batches that are drawn or being drawn before they are asked for.
THREADS, AHEAD = 2, 4


def prefetch_batches(
    draw: Callable[[int], CrossDrivenBatch], steps: range, *, pin: bool = False, threads: int = THREADS
) -> Generator[CrossDrivenBatch]:
    """Yield `draw(step)` of every step in order; an error of `draw` is raised where its batch is asked for.

    draw: called by several threads at a time. pin: into page-locked memory, which is copied to a GPU in the background.
    Close the generator to stop the threads before its end.
    """

    def fetch(step: int) -> CrossDrivenBatch:
        batch = draw(step)
        return batch.map(lambda values: values.pin_memory()) if pin else batch

    pool = ThreadPoolExecutor(threads, thread_name_prefix="bcdcodec batches")
    remaining = iter(steps)
    try:
        waiting: deque[Future[CrossDrivenBatch]] = deque(
            pool.submit(fetch, step) for step in itertools.islice(remaining, AHEAD)
        )
        while waiting:
            batch = waiting.popleft().result()
            waiting.extend(pool.submit(fetch, step) for step in itertools.islice(remaining, 1))
            yield batch
    finally:
        pool.shutdown(cancel_futures=True)
