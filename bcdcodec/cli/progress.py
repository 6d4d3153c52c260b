"""Progress on stderr, with the time left: bars on a terminal, elsewhere one plain line a minute."""

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Any, Protocol

#: Seconds between two lines where stderr is no terminal.
LINE_EVERY_S = 60.0
#: A bar whose time left comes with the calls.
_KNOWN_LEFT = "{{desc}}: {{percentage:3.0f}}%|{{bar}}| {{n_fmt}}/{{total_fmt}} [{{elapsed}}<{left}]"


class Progress(Protocol):
    """Reports of one stage.

    total: steps in all, None when unknown. left: seconds, where the caller has measured what steps cost; without them
    steps are taken for equal.
    """

    def __call__(self, done: int, total: int | None = None, left: float | None = None, /) -> None: ...


class StageProgress(Protocol):
    """Reports of several stages, by name."""

    def __call__(self, stage: str, done: int, total: int, left: float | None = None, /) -> None: ...


@contextlib.contextmanager
def progress_bar(
    options: argparse.Namespace, what: str, *, unit: str = "", total: int | None = None
) -> Iterator[Progress]:
    """Show one stage: a bar on a terminal and with --progress, else lines; nothing with --quiet or --no-progress.

    A total that comes with a call replaces `total`.
    """
    asked = False if options.quiet else getattr(options, "progress", None)
    if asked is False:
        yield lambda done, total=None, left=None: None
    elif asked is None and not sys.stderr.isatty():
        yield Lines(what, total=total).update
    else:
        from tqdm import tqdm

        with tqdm(desc=what, total=total, unit=unit, file=sys.stderr, smoothing=0.1, dynamic_ncols=True) as bar:
            yield _bar_updates(bar)


@contextlib.contextmanager
def progress_bars(options: argparse.Namespace) -> Iterator[StageProgress]:
    """Show each stage that reports, below those before: (stage, steps done, steps in all)."""
    with contextlib.ExitStack() as stack:
        bars: dict[str, Progress] = {}

        def update(stage: str, done: int, total: int, left: float | None = None, /) -> None:
            if stage not in bars:
                bars[stage] = stack.enter_context(progress_bar(options, stage, total=total))
            bars[stage](done, total, left)

        yield update


def _bar_updates(bar: Any) -> Progress:
    """Updates of a bar. What the first one counts was there before: a resumed run would seem to be fast."""
    begun = False

    def update(done: int, total: int | None = None, left: float | None = None, /) -> None:
        nonlocal begun
        if total is not None:
            bar.total = total
        if left is not None:
            bar.bar_format = _KNOWN_LEFT.format(left=type(bar).format_interval(left))
        if begun:
            bar.update(done - bar.n)
        else:
            begun, bar.n, bar.initial, bar.last_print_n = True, done, done, done
            bar.refresh()

    return update


class Lines:
    """One plain line a minute, `clips: 12/51, 4 min left`; nothing of what ends within the first minute."""

    def __init__(self, what: str, *, total: int | None = None) -> None:
        self._what, self._total = what, total
        self._first: tuple[float, int] | None = None
        self._printed = time.monotonic()

    def update(self, done: int, total: int | None = None, left: float | None = None, /) -> None:
        """Count, and print where a minute has passed since the last line."""
        now = time.monotonic()
        self._total = self._total if total is None else total
        if self._first is None:
            self._first = now, done
        if now - self._printed < LINE_EVERY_S:
            return
        self._printed = now
        left = self._estimate(now, done) if left is None else left
        counts = f"{done}" if self._total is None else f"{done}/{self._total}"
        tail = "" if left is None else f", {duration(left)} left"
        print(f"{self._what}: {counts}{tail}", file=sys.stderr, flush=True)

    def _estimate(self, now: float, done: int) -> float | None:
        """Seconds left where steps are equal; None before one is done, and without a total."""
        assert self._first is not None, "the first update is the start"
        began, before = self._first
        if self._total is None or done <= before:
            return None
        return (now - began) / (done - before) * max(0, self._total - done)


def duration(seconds: float) -> str:
    """`40 s`, `12 min` or `3 h 05 min`."""
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
