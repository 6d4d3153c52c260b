"""Worker processes: order, errors, workers that are killed."""

import os
import signal

import pytest

from bcdcodec.errors import BcdError, VideoError
from bcdcodec.pool import map_ordered, map_unordered

_added = 0


def _setup(number: int) -> None:
    global _added
    _added = number


def _add(item: int) -> int:
    if item < 0:
        raise VideoError(f"{item} is below 0")
    return item + _added


def _die(item: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return item


def test_results_come_in_order_and_each_process_is_set_up_once() -> None:
    assert list(map_ordered(_add, range(9), workers=2, setup=_setup, arguments=(10,))) == list(range(10, 19))


def test_every_result_comes_with_the_number_of_its_item() -> None:
    found = dict(map_unordered(_add, [5, 6, 7], workers=2, setup=_setup, arguments=(1,)))
    assert found == {0: 6, 1: 7, 2: 8}


def test_errors_end_the_run_or_are_collected() -> None:
    with pytest.raises(VideoError, match="-1 is below 0"):
        list(map_unordered(_add, [-1], workers=1))
    failed: list[tuple[int, str]] = []
    found = list(map_unordered(_add, [-1, 2], workers=1, failed=lambda i, error: failed.append((i, str(error)))))
    assert found == [(1, 2)] and failed == [(0, "-1 is below 0")]


@pytest.mark.parametrize("run", [map_ordered, map_unordered])
def test_a_killed_worker_is_an_error(run: object) -> None:
    with pytest.raises(BcdError, match="killed"):
        list(run(_die, [1, 2], workers=1))  # type: ignore[operator]
