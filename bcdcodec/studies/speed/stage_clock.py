"""Clock of the stages of a job, whose functions it wraps while the job runs."""

import functools
import importlib
import inspect
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

from bcdcodec.errors import ConfigError
from bcdcodec.studies.speed.stages import Stage

#: What no stage takes.
REST = "rest"


class StageClock:
    """Seconds by stage, REST included, of what this thread does within the block. now: the clock that is read."""

    def __init__(self, stages: Sequence[Stage], now: Callable[[], float] = time.perf_counter) -> None:
        self._stages, self._now = stages, now
        self.seconds = {stage.name: 0.0 for stage in stages} | {REST: 0.0}
        self._running = [Stage(REST, ())]
        self._originals: list[tuple[Any, str, Any]] = []
        self._since, self._thread = 0.0, 0

    def __enter__(self) -> Self:
        self._thread = threading.get_ident()
        for stage in self._stages:
            for place in stage.functions:
                owner, name, original = find_function(place)
                self._originals.append((owner, name, original))
                setattr(owner, name, self._timed(original, stage))
        self._since = self._now()
        return self

    def __exit__(self, *error: object) -> None:
        self._count()
        for owner, name, original in reversed(self._originals):
            setattr(owner, name, original)
        self._originals = []

    def _timed(self, function: Callable[..., Any], stage: Stage) -> Callable[..., Any]:
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def generate(*args: Any, **kwargs: Any) -> Iterator[Any]:
                items = function(*args, **kwargs)
                end = object()
                try:
                    while (item := self._call(stage, next, items, end)) is not end:
                        yield item
                finally:
                    items.close()

            return generate

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            return self._call(stage, function, *args, **kwargs)

        return call

    def _call(self, stage: Stage, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self._running[-1].whole or threading.get_ident() != self._thread:
            return function(*args, **kwargs)
        self._count()
        self._running.append(stage)
        try:
            return function(*args, **kwargs)
        finally:
            self._count()
            self._running.pop()

    def _count(self) -> None:
        """Give the time since the last change to the stage that ran."""
        moment = self._now()
        self.seconds[self._running[-1].name] += moment - self._since
        self._since = moment


def find_function(place: str) -> tuple[Any, str, Callable[..., Any]]:
    """The module or class of a function that a stage names, the function's name there, and the function.

    ConfigError where there is none.
    """
    module, _, path = place.partition(":")
    *classes, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for part in classes:
        owner = getattr(owner, part, None)
    function = getattr(owner, "__dict__", {}).get(name)
    if not inspect.isfunction(function):
        raise ConfigError(f"a stage names {place}, which is no function")
    return owner, name, function
