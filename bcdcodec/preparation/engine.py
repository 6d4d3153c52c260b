"""Run the jobs of a preparation in this process, in worker processes of this machine, or on a Ray cluster."""

import importlib
import logging
import os
import socket
from collections.abc import Iterator
from typing import Any

from bcdcodec.errors import BcdError, ConfigError, MissingExtraError
from bcdcodec.pool import map_unordered
from bcdcodec.preparation.source import Job, Outcome, prepare_source

#: Instead of the address of a Ray cluster: one is started on this machine.
LOCAL = "local"
CONNECT_SECONDS = 10


def run_jobs(jobs: list[Job], *, workers: int, ray: str | None = None) -> Iterator[tuple[int, Outcome]]:
    """Yield (index, outcome) of every job, in any order.

    ray: the address of a cluster, or LOCAL. MissingExtraError without Ray's package, ConfigError where no cluster
    answers, BcdError where a worker is killed.
    """
    if ray is not None:
        yield from _run_on_ray(jobs, ray, workers)
    elif workers > 1:
        yield from map_unordered(prepare_source, jobs, workers=workers)
    else:
        yield from ((index, prepare_source(job)) for index, job in enumerate(jobs))


def _run_on_ray(jobs: list[Job], address: str, workers: int) -> Iterator[tuple[int, Outcome]]:
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError as error:
        raise MissingExtraError("--ray needs pip install 'bcdcodec[ray]'") from error
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address == LOCAL:
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no usage statistics are sent
            ray.init(address=LOCAL, num_cpus=workers, include_dashboard=False, **quiet)
        else:
            _check_reachable(address)
            ray.init(address=address, **quiet)
    except (OSError, RuntimeError, ValueError) as error:  # ConnectionError is an OSError
        raise ConfigError(f"no Ray cluster at {address}: {error}") from error
    try:
        task = ray.remote(num_cpus=1)(prepare_source)
        # In order: ray.wait for whichever is first scans all remaining tasks each time.
        for index, reference in enumerate([task.remote(job) for job in jobs]):
            yield index, _result(ray, reference)
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """OSError where nothing listens at HOST:PORT: Ray itself retries for many minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        with socket.create_connection((host.removeprefix("ray://"), int(port)), timeout=CONNECT_SECONDS):
            pass


def _result(ray: Any, reference: Any) -> Outcome:
    try:
        outcome: Outcome = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        # The original exception, without the remote traceback as its text.
        if isinstance(error.cause, BcdError):
            raise error.cause from None
        raise
    except ray.exceptions.RayError as error:
        raise BcdError(f"a task was lost: {str(error).splitlines()[0]}; run the same command again") from error
    return outcome
