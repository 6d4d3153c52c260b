"""Experiment engine: measure what is missing, in parallel, and keep a record of every item on disk.

    items -> records on disk -> finished
          -> without one     -> worker processes -> record on disk -> finished
                                                 -> failure, by name

An interrupted run resumes: the same call measures only the items that have no record.
"""

import hashlib
import json
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from bcdcodec.atomic import write_text
from bcdcodec.errors import BcdError, MissingExtraError
from bcdcodec.evaluation.harness.records import to_json
from bcdcodec.evaluation.harness.time_left import TimeLeft, Work
from bcdcodec.evaluation.harness.timing import now
from bcdcodec.pool import map_unordered, threads_per_worker

Context = TypeVar("Context")
Item = TypeVar("Item", bound=Hashable)
Result = TypeVar("Result")
#: (items done, items in all, seconds left or None while nothing is known)
Progress = Callable[[int, int, float | None], None]


class StageProgress(Protocol):
    """Progress of one stage of a study, by its name. left: seconds, where they are known better than by counting."""

    def __call__(self, stage: str, done: int, total: int, left: float | None = None, /) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An item that could not be measured. reason: the error in one line."""

    item: str
    reason: str


@dataclass(slots=True)
class Outcome(Generic[Item, Result]):
    """Finished items in the order they were asked for, and failures."""

    results: dict[Item, Result] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def require_any(self) -> None:
        """BcdError with the first reason where every item failed."""
        if self.failures and not self.results:
            first = self.failures[0]
            raise BcdError(f"none of {len(self.failures)} could be measured; {first.item}: {first.reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment(Generic[Context, Item, Result]):
    """Measurement of items.

    open_context: called once in every process, returns what all items share (networks, settings). measure: one item
    to its record, a dataclass or what JSON can hold; the folder of the record exists, and files that it writes there
    are complete when it returns. parse: JSON -> result; a record on which it raises ValueError, KeyError or TypeError
    is measured again. record_path: file of an item's record, which names everything that the record depends on. label:
    an item's name in failures. work: what it costs beside others, for the time left.

    Records are written after `measure` returns: where there is one, its other files are there as well. With more than
    one job `open_context` and `measure` are pickled.
    """

    open_context: Callable[[], Context]
    measure: Callable[[Context, Item], Any]
    record_path: Callable[[Item], Path]
    label: Callable[[Item], str] = str
    work: Callable[[Item], Work] = lambda item: Work()
    parse: Callable[[Any], Result] = lambda record: record

    def run(
        self,
        items: Sequence[Item],
        *,
        jobs: int = 1,
        keep_going: bool = False,
        progress: Progress = lambda done, total, left: None,
    ) -> Outcome[Item, Result]:
        """Measure the items without a record. jobs: worker processes; one job runs in this process.

        keep_going: an item that raises BcdError or OSError becomes a failure; without it the error ends the run, and
        MissingExtraError, which all items would raise, does in any case. BcdError where a worker is killed.
        """
        outcome: Outcome[Item, Result] = Outcome()
        known = {item: result for item in items if (result := self._load(item)) is not None}
        missing = [item for item in items if item not in known]
        for item in missing:
            self.record_path(item).parent.mkdir(parents=True, exist_ok=True)
        done, time_left = len(items) - len(missing), TimeLeft([self.work(item) for item in missing], jobs=jobs)
        progress(done, len(items), None)

        def finished(index: int, seconds: float | None) -> None:
            nonlocal done
            done += 1
            time_left.finish(index, seconds)
            progress(done, len(items), time_left.seconds())

        def failed(index: int, error: BcdError | OSError) -> None:
            if isinstance(error, MissingExtraError):
                raise error
            outcome.failures.append(Failure(item=self.label(missing[index]), reason=" ".join(str(error).split())))
            finished(index, None)

        for index, (record, seconds) in self._measured(missing, jobs, failed if keep_going else None):
            write_text(self.record_path(missing[index]), json.dumps(to_json(record)))
            finished(index, seconds)
        # Read back, so that a resumed run has the same results.
        for item in items:
            result = known[item] if item in known else self._load(item)
            if result is not None:
                outcome.results[item] = result
        return outcome

    def _load(self, item: Item) -> Result | None:
        try:
            return self.parse(json.loads(self.record_path(item).read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _measured(
        self, missing: list[Item], jobs: int, failed: Callable[[int, BcdError | OSError], None] | None
    ) -> Iterator[tuple[int, tuple[Any, float]]]:
        """Yield (index, (record, seconds that it took))."""
        if not missing:
            return
        if jobs > 1:
            yield from map_unordered(
                partial(_measure, self.measure),
                missing,
                workers=jobs,
                setup=_open,
                arguments=(self.open_context, threads_per_worker(jobs)),
                failed=failed,
            )
            return
        context = self.open_context()
        for index, item in enumerate(missing):
            try:
                timed = _timed(self.measure, context, item)
            except (BcdError, OSError) as error:
                if failed is None:
                    raise
                failed(index, error)
                continue
            yield index, timed


def record_path(folder: Path, *key: object, name: str = "", suffix: str = ".json") -> Path:
    """FOLDER/NAME-HASH.json, the hash over a key that JSON can hold."""
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:24]
    return folder / f"{name}{'-' * bool(name)}{digest}{suffix}"


#: What `open_context` returned in this worker process.
_CONTEXT: list[Any] = []


def _open(open_context: Callable[[], Any], threads: int) -> None:
    import torch

    torch.set_num_threads(threads)
    _CONTEXT[:] = [open_context()]


def _measure(measure: Callable[[Any, Any], Any], item: Any) -> tuple[Any, float]:
    return _timed(measure, _CONTEXT[0], item)


def _timed(measure: Callable[[Any, Any], Any], context: Any, item: Any) -> tuple[Any, float]:
    """What `measure` returns, and the seconds that it took."""
    began = now()
    return measure(context, item), (now() - began).wall


def kept_json(path: Path, make: Callable[[], Any]) -> Any:
    """Load one measurement from its JSON file; where there is none, write what `make` returns first."""
    if not path.exists():
        write_text(path, json.dumps(to_json(make())))
    return json.loads(path.read_text(encoding="utf-8"))
