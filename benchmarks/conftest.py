"""Fixture of the benchmarks: how much faster than the video plays a step runs, listed at the end.

They run with `pytest benchmarks --benchmark-enable`; without the option each step runs once, untimed.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

#: Ticks a second of every model that ships.
FRAME_RATE = Fraction(25, 2)
_SPEEDS = pytest.StashKey[list[tuple[str, float]]]()

#: (frames that one call handles, the call) -> what the call returns
Timed = Callable[[int, Callable[[], Any]], Any]


@pytest.fixture
def timed(benchmark: Any, request: pytest.FixtureRequest) -> Timed:
    """Time a call and note how many times faster than playing its frames it is."""

    def run(frames: int, call: Callable[[], Any]) -> Any:
        result = benchmark(call)
        if benchmark.stats is not None:
            speed = float(frames / FRAME_RATE) / benchmark.stats.stats.mean
            benchmark.extra_info["x_real_time"] = round(speed, 2)
            request.config.stash.setdefault(_SPEEDS, []).append((request.node.name, speed))
        return result

    return run


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for name, speed in config.stash.get(_SPEEDS, []):
        terminalreporter.write_line(f"{name}: {speed:.1f} x real time, {speed * float(FRAME_RATE):.0f} frames/s")
