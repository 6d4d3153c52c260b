"""Wall-clock and CPU time of a piece of work, and the name of the processor."""

import os
import platform
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of time.

    wall: seconds of a monotonic clock. cpu: seconds that this process and its ended child processes have used, over
    all threads.
    """

    wall: float
    cpu: float

    def __sub__(self, earlier: "Moment") -> "Moment":
        return Moment(self.wall - earlier.wall, self.cpu - earlier.cpu)


def now() -> Moment:
    """The current moment; the difference of two is the time between them."""
    times = os.times()
    return Moment(time.perf_counter(), times.user + times.system + times.children_user + times.children_system)


@cache
def processor() -> str:
    """The model name of the CPU; its architecture where the system has no name for it."""
    if _CPU_INFO.exists():
        for line in _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return value.strip()
    return platform.processor() or platform.machine()
