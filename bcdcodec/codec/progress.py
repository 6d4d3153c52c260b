"""The progress callback of jobs on whole files."""

from collections.abc import Callable

#: (frames done, frames in all or None when unknown)
FileProgress = Callable[[int, int | None], None]
