"""A seeded network that loses, delays, repeats and reorders datagrams, with a time that its caller gives."""

import heapq
import random
import re
from dataclasses import dataclass
from typing import Self

from bcdcodec.call.datagram import IP_UDP_BYTES
from bcdcodec.errors import ConfigError

#: Datagrams that would wait longer than this for a link are dropped, as by a router whose queue is full.
MAX_QUEUE_MS = 500.0
#: By how much a datagram that is out of order comes late, beside its delay.
REORDER_MS = 120.0
MAX_DELAY_MS = 10_000.0
_NUMBER = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(%|ms|k|)")
#: Name in a text: field, and what its units stand for.
_UNITS = {
    "loss": ("loss", {"%": 0.01}),
    "burst": ("burst", {"": 1.0}),
    "delay": ("delay_ms", {"ms": 1.0}),
    "jitter": ("jitter_ms", {"ms": 1.0}),
    "reorder": ("reorder", {"%": 0.01}),
    "duplicate": ("duplicate", {"%": 0.01}),
    "rate": ("rate_bps", {"k": 1000.0, "": 1.0}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Impairment:
    """What a network does to datagrams. Raises ConfigError for values out of range.

    loss, reorder, duplicate: shares, 0 to 1. burst: mean number of datagrams that are lost in a row, None for losses
    that do not depend on each other. delay_ms: of all. jitter_ms: more delay, evenly distributed from 0. rate_bps: of
    the link, headers of IP and UDP included, with a queue of MAX_QUEUE_MS; None for any rate.
    """

    loss: float = 0.0
    burst: float | None = None
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    reorder: float = 0.0
    duplicate: float = 0.0
    rate_bps: float | None = None

    def __post_init__(self) -> None:
        for name in ("loss", "reorder", "duplicate"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name} is {100 * getattr(self, name):g} %, allowed are 0 to less than 100 %")
        for name in ("delay_ms", "jitter_ms"):
            if not 0 <= getattr(self, name) <= MAX_DELAY_MS:
                raise ConfigError(f"{name} is {getattr(self, name):g}, allowed are 0 to {MAX_DELAY_MS:g}")
        if self.burst is not None and not self.burst >= 1:
            raise ConfigError(f"burst is {self.burst:g} datagrams, allowed are 1 and more")
        if self.burst is not None and self.loss > self.burst / (1 + self.burst):
            most = 100 * self.burst / (1 + self.burst)
            raise ConfigError(f"loss is {100 * self.loss:g} %, bursts of {self.burst:g} allow at most {most:.0f} %")
        if self.rate_bps is not None and not self.rate_bps >= 1000:
            raise ConfigError(f"rate is {self.rate_bps:g} bit/s, allowed are 1000 and more")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `loss=20%,burst=4,delay=50ms,jitter=60ms,reorder=2%,duplicate=1%,rate=8k`. Raises ConfigError."""
        values: dict[str, float] = {}
        for item in filter(None, text.split(",")):
            name, _, value = item.partition("=")
            if name not in _UNITS:
                raise ConfigError(f"impairment is {item!r}, allowed are {', '.join(_UNITS)}")
            field_name, units = _UNITS[name]
            found = _NUMBER.fullmatch(value)
            if found is None or found[2] not in units:
                raise ConfigError(f"{name} is {value!r}, needs a number such as 20{next(iter(units))}")
            if field_name in values:
                raise ConfigError(f"{name} is given twice in {text!r}")
            values[field_name] = float(found[1]) * units[found[2]]
        return cls(**values)


class Network:
    """One direction of a link. The same seed and calls give the same fates."""

    def __init__(self, impairment: Impairment, *, seed: int = 0) -> None:
        #: What it does to datagrams that are given to it from now on; may be replaced.
        self.impairment = impairment
        self._random = random.Random(seed)
        self._is_bad = False
        self._free_ms = self._last_ms = 0.0
        self._waiting: list[tuple[float, int, bytes]] = []
        self._count = 0
        #: Datagrams given to it, and those that it dropped.
        self.sent = self.dropped = 0

    def send(self, data: bytes, now_ms: float) -> None:
        """Give the network a datagram."""
        self.sent += 1
        self._put(data, now_ms)
        if self._random.random() < self.impairment.duplicate:
            self._put(data, now_ms)

    def receive(self, now_ms: float) -> list[bytes]:
        """Datagrams that arrived by now, in the order of arrival."""
        arrived: list[bytes] = []
        while self._waiting and self._waiting[0][0] <= now_ms:
            arrived.append(heapq.heappop(self._waiting)[2])
        return arrived

    def _put(self, data: bytes, now_ms: float) -> None:
        link = self.impairment
        at_ms = now_ms
        if link.rate_bps is not None:
            start_ms = max(now_ms, self._free_ms)
            if start_ms - now_ms > MAX_QUEUE_MS:
                self.dropped += 1
                return
            self._free_ms = at_ms = start_ms + 8000 * (len(data) + IP_UDP_BYTES) / link.rate_bps
        if self._loses():
            self.dropped += 1
            return
        at_ms += link.delay_ms + link.jitter_ms * self._random.random()
        if self._random.random() < link.reorder:
            at_ms += REORDER_MS
        else:
            self._last_ms = at_ms = max(at_ms, self._last_ms)
        self._count += 1
        heapq.heappush(self._waiting, (at_ms, self._count, data))

    def _loses(self) -> bool:
        """The chain of Gilbert and Elliott: all is lost in its bad state, and nothing in its good one."""
        loss, burst = self.impairment.loss, self.impairment.burst
        if burst is None:
            return self._random.random() < loss
        to_other = 1 / burst if self._is_bad else loss / (burst * (1 - loss))
        if self._random.random() < to_other:
            self._is_bad = not self._is_bad
        return self._is_bad
