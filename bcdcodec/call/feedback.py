"""Feedback: reports of a receiver, and what a sender changes by them.

loss -> level of redundancy; a queue -> no redundancy; a queue, or heavy loss -> bitrate; pictures that are missing
-> sent again.
"""

import struct
from collections import deque
from dataclasses import dataclass
from typing import ClassVar, Self

from bcdcodec.call.datagram import CLOCK_MS, MAX_UINT32, Datagram
from bcdcodec.call.redundancy import FIRST_LEVEL, level_for
from bcdcodec.call.window import SequenceWindow
from bcdcodec.errors import BitstreamError

#: A report is sent this often, and the shorter time while something is missing.
REPORT_MS, HASTY_REPORT_MS = 1000.0, 250.0
#: Times over which the shortest way of datagrams is taken: of now, and of an empty link.
RECENT_MS, LONG_MS = 1000.0, 20_000.0
#: Weight of one report in the mean of loss, where it is above the mean and below it.
RISE, FALL = 0.5, 0.15
#: From here on a queue, or loss, is taken as congestion; below the others the bitrate may grow again.
CONGESTED_MS, FREE_MS, CONGESTED_LOSS, FREE_LOSS = 150, 60, 0.35, 0.15
DECREASE, INCREASE, LEAST_SHARE = 0.85, 1.04, 0.3
#: Time between two changes of the bitrate, and between two pictures that were asked for.
CHANGE_MS, REFERENCE_MS = 1000.0, 3000.0
#: Time after a queue in which nothing is repeated.
EASE_MS = 4000.0
FIRST_RTT_MS = 200.0
_HAS_HEADER, _NEEDS_REFERENCE, _HAS_END = 1, 2, 4
_FLAGS = _HAS_HEADER | _NEEDS_REFERENCE | _HAS_END


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a receiver says of the datagrams of a session.

    highest: sequence number; loss: share since the report before; jitter_ms, queue_ms: of their ways; buffer_ms: of the
    playout; echo_ms, held_ms: `sent_ms` of the last one, as it came, and how long ago. pieces_highest, pieces: of
    references, as in `ReferenceInbox`, -1 for none. needs_reference: motion names one that did not come for long.
    has_end: the end of the call came.
    """

    highest: int
    loss: float
    jitter_ms: int
    queue_ms: int
    buffer_ms: int
    echo_ms: int
    held_ms: int
    pieces_highest: int
    pieces: int
    has_header: bool
    needs_reference: bool
    has_end: bool = False
    WIRE: ClassVar[struct.Struct] = struct.Struct(">IBHHHHHIQB")

    def pack(self) -> bytes:
        short = [min(0xFFFF, max(0, value)) for value in (self.jitter_ms, self.queue_ms, self.buffer_ms, self.held_ms)]
        flags = self.has_header * _HAS_HEADER | self.needs_reference * _NEEDS_REFERENCE | self.has_end * _HAS_END
        loss, pieces = round(255 * min(1.0, max(0.0, self.loss))), self.pieces_highest & MAX_UINT32
        return self.WIRE.pack(self.highest, loss, *short[:3], self.echo_ms, short[3], pieces, self.pieces, flags)

    @classmethod
    def unpack(cls, body: bytes) -> Self:
        if len(body) != cls.WIRE.size:
            raise BitstreamError(f"report has {len(body)} bytes, needs {cls.WIRE.size}")
        highest, loss, jitter, queue, buffer, echo, held, pieces_highest, pieces, flags = cls.WIRE.unpack(body)
        if flags > _FLAGS:
            raise BitstreamError(f"flags of a report are {flags}, allowed are 0 to {_FLAGS}")
        return cls(
            highest=highest,
            loss=loss / 255,
            jitter_ms=jitter,
            queue_ms=queue,
            buffer_ms=buffer,
            echo_ms=echo,
            held_ms=held,
            pieces_highest=-1 if pieces_highest == MAX_UINT32 else pieces_highest,
            pieces=pieces,
            has_header=bool(flags & _HAS_HEADER),
            needs_reference=bool(flags & _NEEDS_REFERENCE),
            has_end=bool(flags & _HAS_END),
        )


class Arrivals:
    """What the receiver measures on datagrams: loss, jitter (RFC 3550), the queue of the link."""

    def __init__(self) -> None:
        self._window = SequenceWindow()
        self._ways: deque[tuple[float, float]] = deque()
        self._last: tuple[float, float] | None = None  # arrival and way
        self._sent_ms = 0.0  # of the last one, on the sender's clock as far as it is known
        self._reported = -1
        self._came = 0  # since the report
        self._echo_ms = 0
        self._jitter_ms = 0.0
        #: Datagrams that came, once each; copies that the network made.
        self.received = self.duplicates = 0

    @property
    def highest(self) -> int:
        """The highest sequence number, -1 before the first."""
        return self._window.highest

    @property
    def lost(self) -> int:
        """Datagrams that did not come up to now."""
        return self.highest + 1 - self.received

    def add(self, datagram: Datagram, now_ms: float) -> bool:
        """Take a datagram; False for a copy."""
        if not self._window.add(datagram.sequence):
            self.duplicates += 1
            return False
        if self._reported < 0 and not self.received:
            self._reported = datagram.sequence - 1  # who joins late has lost nothing
            self.received = datagram.sequence
        self.received += 1
        self._came += 1
        # The epoch of its time is the one that makes it nearest to what the clock says.
        expected_ms = datagram.sent_ms if self._last is None else self._sent_ms + now_ms - self._last[0]
        self._sent_ms = datagram.sent_ms + CLOCK_MS * round((expected_ms - datagram.sent_ms) / CLOCK_MS)
        way = now_ms - self._sent_ms
        if self._last is not None:
            self._jitter_ms += (abs(way - self._last[1]) - self._jitter_ms) / 16
        self._last, self._echo_ms = (now_ms, way), datagram.sent_ms
        self._ways.append((now_ms, way))
        while now_ms - self._ways[0][0] > LONG_MS:
            self._ways.popleft()
        return True

    @property
    def queue_ms(self) -> float:
        """By how much the fastest datagram of the last second was slower than that of the last LONG_MS."""
        if self._last is None:
            return 0.0
        recent = [way for at, way in self._ways if self._last[0] - at <= RECENT_MS]
        return min(recent) - min(way for _, way in self._ways)

    def report(
        self,
        now_ms: float,
        *,
        buffer_ms: float,
        pieces: tuple[int, int],
        has_header: bool,
        needs_reference: bool,
        has_end: bool = False,
    ) -> Report:
        """The report of the time since the last one. pieces: highest and mask."""
        expected = self.highest - self._reported
        loss = max(0.0, 1 - self._came / expected) if expected else 0.0
        self._reported, self._came = self.highest, 0
        return Report(
            highest=max(0, self.highest),
            loss=loss,
            jitter_ms=round(self._jitter_ms),
            queue_ms=round(self.queue_ms),
            buffer_ms=round(buffer_ms),
            echo_ms=self._echo_ms,
            held_ms=round(now_ms - self._last[0]) if self._last else 0,
            pieces_highest=pieces[0],
            pieces=pieces[1],
            has_header=has_header,
            needs_reference=needs_reference,
            has_end=has_end,
        )


class Adaptation:
    """What a sender makes of reports. max_bitrate: bit/s of the encoder, which fall to LEAST_SHARE of it at most."""

    def __init__(self, max_bitrate: float) -> None:
        #: Bit/s that the encoder is asked for at most.
        self.max_bitrate = max_bitrate
        #: Bit/s to ask of the encoder, and the level of redundancy.
        self.bitrate, self.level = max_bitrate, FIRST_LEVEL
        #: Mean share of loss, and round-trip time.
        self.loss, self.rtt_ms = 0.0, FIRST_RTT_MS
        #: A picture is asked for; who sends it takes this back.
        self.needs_reference = False
        self._changed_ms = self._asked_ms = self._congested_ms = float("-inf")

    def set_max_bitrate(self, max_bitrate: float) -> None:
        """Begin anew at another bitrate."""
        self.max_bitrate = self.bitrate = max_bitrate

    @property
    def again_ms(self) -> float:
        """Time after which a piece is sent again, whatever reports say."""
        return REPORT_MS + 2 * self.rtt_ms

    def observe(self, report: Report, now_ms: float, *, age_ms: float) -> None:
        """Take a report. age_ms: of the datagram that it echoes."""
        rtt_ms = age_ms - report.held_ms
        if 0 <= rtt_ms < LONG_MS:
            self.rtt_ms += 0.25 * (rtt_ms - self.rtt_ms)
        if report.queue_ms > CONGESTED_MS:
            self._congested_ms = now_ms
        is_congested = now_ms - self._congested_ms < EASE_MS
        # What a full queue drops is no loss that copies help against: they make it longer.
        if not is_congested or report.loss < self.loss or report.loss > CONGESTED_LOSS:
            self.loss += (RISE if report.loss > self.loss else FALL) * (report.loss - self.loss)
        self.level = 0 if is_congested else level_for(self.loss)
        if report.needs_reference and now_ms - self._asked_ms >= REFERENCE_MS:
            self._asked_ms, self.needs_reference = now_ms, True
        if now_ms - self._changed_ms < CHANGE_MS:
            return
        if report.queue_ms > CONGESTED_MS or self.loss > CONGESTED_LOSS:
            self._change(DECREASE, now_ms)
        elif report.queue_ms < FREE_MS and self.loss < FREE_LOSS:
            self._change(INCREASE, now_ms)

    def _change(self, factor: float, now_ms: float) -> None:
        self.bitrate = min(self.max_bitrate, max(LEAST_SHARE * self.max_bitrate, factor * self.bitrate))
        self._changed_ms = now_ms
