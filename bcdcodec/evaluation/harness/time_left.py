"""Time that the unfinished items of an experiment will take, by what finished items of their kind took."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Work:
    """What an item costs. kind: items of one kind take a time that is proportional to their size."""

    kind: Hashable = None
    size: float = 1.0


class TimeLeft:
    """Estimates from measured seconds; a kind that nothing is known of is taken for the mean of all others."""

    def __init__(self, items: Sequence[Work], *, jobs: int) -> None:
        """items: those that will be measured. jobs: how many at a time."""
        self._left = list[Work | None](items)
        self._jobs = max(1, jobs)
        self._seconds: dict[Hashable, float] = {}
        self._sizes: dict[Hashable, float] = {}

    def finish(self, index: int, seconds: float | None) -> None:
        """Count an item as done. seconds: what it took; None for one that failed, which says nothing of others."""
        item = self._left[index]
        assert item is not None, "an item is finished once"
        self._left[index] = None
        if seconds is not None:
            self._seconds[item.kind] = self._seconds.get(item.kind, 0.0) + seconds
            self._sizes[item.kind] = self._sizes.get(item.kind, 0.0) + item.size

    def seconds(self) -> float | None:
        """Seconds until all items are done, None before the first one is."""
        sizes = sum(self._sizes.values())
        if not sizes:
            return None
        mean = sum(self._seconds.values()) / sizes
        left = [item for item in self._left if item is not None]
        rates = {kind: self._seconds[kind] / size for kind, size in self._sizes.items() if size}
        total = sum(rates.get(item.kind, mean) * item.size for item in left)
        # The last items do not fill all jobs.
        return total / min(self._jobs, len(left)) if left else 0.0
