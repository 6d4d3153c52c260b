"""Work on a Ray cluster: `map_on_cluster` yields results in the order of the items."""

import importlib
import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from bcdcodec.errors import BcdError, ConfigError, MissingExtraError, install_command

Item = TypeVar("Item")
Result = TypeVar("Result")
#: Instead of the address of a Ray cluster: one is started on this machine.
LOCAL = "local"
CONNECT_SECONDS = 10


def map_on_cluster(
    run: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    address: str,
    workers: int,
    failed: Callable[[int, BcdError | OSError], None] | None = None,
) -> Iterator[tuple[int, Result]]:
    """Yield (index, result) of every item, each a task of one core.

    address: of a running cluster, or LOCAL for one of `workers` processes. failed: as of `pool.map_unordered`.
    MissingExtraError without Ray's package, ConfigError where no cluster answers, BcdError where a worker is killed.
    """
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError as error:
        raise MissingExtraError(f"--ray needs {install_command('ray')}") from error
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
        task = ray.remote(num_cpus=1)(run)
        # In order: ray.wait for whichever is first scans all remaining tasks each time.
        for index, reference in enumerate([task.remote(item) for item in items]):
            try:
                result = _result(ray, reference)
            except (BcdError, OSError) as error:
                if failed is None:
                    raise
                failed(index, error)
                continue
            yield index, result
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """OSError where nothing listens at HOST:PORT: Ray itself retries for many minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        with socket.create_connection((host.removeprefix("ray://"), int(port)), timeout=CONNECT_SECONDS):
            pass


def _result(ray: Any, reference: Any) -> Any:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        # The original exception, without the remote traceback as its text.
        if isinstance(error.cause, BcdError | OSError):
            raise error.cause from None
        raise
    except ray.exceptions.RayError as error:
        raise BcdError(f"a task was lost: {str(error).splitlines()[0]}; run the same command again") from error
