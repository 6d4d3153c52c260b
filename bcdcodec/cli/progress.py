"""A bar with the time left on stderr. In: the progress calls of codec/ and training/. Out: text on a terminal."""

import contextlib
import sys
from collections.abc import Callable, Iterator

#: (steps done, steps in all or None when unknown)
Progress = Callable[[int, int | None], None]


@contextlib.contextmanager
def progress_bar(what: str, *, unit: str, total: int | None = None, shown: bool | None = None) -> Iterator[Progress]:
    """shown: None shows the bar where stderr is a terminal. A total that comes with a call replaces `total`."""
    from tqdm import tqdm

    disable = None if shown is None else not shown
    with tqdm(desc=what, total=total, unit=unit, file=sys.stderr, disable=disable, dynamic_ncols=True) as bar:

        def update(done: int, found_total: int | None = None) -> None:
            if found_total is not None:
                bar.total = found_total
            bar.update(done - bar.n)

        yield update


@contextlib.contextmanager
def progress_bars(*, shown: bool | None = None) -> Iterator[Callable[[str, int, int], None]]:
    """One bar for each stage that reports, below those before: (stage, steps done, steps in all)."""
    with contextlib.ExitStack() as stack:
        bars: dict[str, Progress] = {}

        def update(stage: str, done: int, total: int) -> None:
            if stage not in bars:
                bars[stage] = stack.enter_context(progress_bar(stage, unit="", total=total, shown=shown))
            bars[stage](done, total)

        yield update
