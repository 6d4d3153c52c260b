"""Who does the work: this process, several of this machine, or a Ray cluster. In: `Job`s. Out: their `Outcome`s."""

import importlib
import logging
import multiprocessing
import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from bcdcodec.errors import BcdError, ConfigError, MissingExtraError
from bcdcodec.preparation.source import Job, Outcome, prepare_source

#: Instead of the address of a Ray cluster: one is started on this machine.
LOCAL = "local"
CONNECT_SECONDS = 10


def run_jobs(jobs: list[Job], *, workers: int, ray: str | None = None) -> Iterator[tuple[int, Outcome]]:
    """Every outcome with the number of its job, in any order. ray: address of a cluster, or LOCAL.

    MissingExtraError without Ray's package, ConfigError where no cluster answers, BcdError where a process dies.
    """
    if ray is not None:
        yield from _on_ray(jobs, ray, workers)
    elif workers > 1:
        yield from _in_processes(jobs, workers)
    else:
        yield from ((number, prepare_source(job)) for number, job in enumerate(jobs))


def _in_processes(jobs: list[Job], workers: int) -> Iterator[tuple[int, Outcome]]:
    # Fork would copy the threads' locks of PyAV and of the networks in whatever state they are.
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(jobs)), mp_context=spawn, initializer=_start_worker)
    try:
        number_of = {pool.submit(prepare_source, job): number for number, job in enumerate(jobs)}
        for future in as_completed(number_of):
            yield number_of[future], future.result()
    except BrokenProcessPool as error:
        raise BcdError("a process died, for want of memory perhaps; the same command goes on") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    """Dies at once when the command is interrupted, and leaves stderr to the command: a progress bar is on it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    logging.getLogger("bcdcodec").addHandler(logging.NullHandler())


def _on_ray(jobs: list[Job], address: str, workers: int) -> Iterator[tuple[int, Outcome]]:
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError as error:
        raise MissingExtraError("--ray needs pip install 'bcdcodec[ray]'") from error
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address == LOCAL:
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else it reports home
            ray.init(address=LOCAL, num_cpus=workers, include_dashboard=False, **quiet)
        else:
            _knock(address)
            ray.init(address=address, **quiet)
    except (OSError, RuntimeError, ValueError) as error:  # ConnectionError is the first
        raise ConfigError(f"no Ray cluster at {address}: {error}") from error
    try:
        task = ray.remote(num_cpus=1)(prepare_source)
        # In order: waiting for whichever is first looks at all that are left each time.
        for number, outcome in enumerate([task.remote(job) for job in jobs]):
            yield number, _result(ray, outcome)
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """OSError where nobody listens: Ray itself tries a HOST:PORT for many minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        with socket.create_connection((host.removeprefix("ray://"), int(port)), timeout=CONNECT_SECONDS):
            pass


def _result(ray: Any, reference: Any) -> Outcome:
    try:
        outcome: Outcome = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        # The cause with the traceback of the other machine as its text.
        if isinstance(error.cause, BcdError):
            raise error.cause from None
        raise
    except ray.exceptions.RayError as error:
        raise BcdError(f"a task was lost: {str(error).splitlines()[0]}; the same command goes on") from error
    return outcome
