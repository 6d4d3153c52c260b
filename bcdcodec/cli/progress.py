"""Progress bars on stderr, with the time left."""

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator

#: (steps done, steps in all or None when unknown)
Progress = Callable[[int, int | None], None]


@contextlib.contextmanager
def progress_bar(
    options: argparse.Namespace, what: str, *, unit: str = "", total: int | None = None
) -> Iterator[Progress]:
    """Show one bar, as --quiet and --progress say: by default where stderr is a terminal.

    A total that comes with a call replaces `total`.
    """
    from tqdm import tqdm

    shown = False if options.quiet else getattr(options, "progress", None)
    disable = None if shown is None else not shown
    with tqdm(desc=what, total=total, unit=unit, file=sys.stderr, disable=disable, dynamic_ncols=True) as bar:

        def update(done: int, new_total: int | None = None) -> None:
            if new_total is not None:
                bar.total = new_total
            bar.update(done - bar.n)

        yield update


@contextlib.contextmanager
def progress_bars(options: argparse.Namespace) -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar for each stage that reports, below those before: (stage, steps done, steps in all)."""
    with contextlib.ExitStack() as stack:
        bars: dict[str, Progress] = {}

        def update(stage: str, done: int, total: int) -> None:
            if stage not in bars:
                bars[stage] = stack.enter_context(progress_bar(options, stage, total=total))
            bars[stage](done, total)

        yield update
