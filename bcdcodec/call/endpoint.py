"""Endpoint of a call over any transport of an event loop: what is sent and shown, step by step, in a thread of its own.

transport -> put -> inbox --+                           +-> media, references, reports -> transport
feed (frames, sound) -------+-> step (one thread) ------+
                                                        +-> playbacks by the name of the participant
"""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bcdcodec.call.datagram import MAX_DATAGRAM_BYTES, DatagramKind, kind_of
from bcdcodec.call.feed import Feed
from bcdcodec.call.participants import Participants
from bcdcodec.call.playback import Playback
from bcdcodec.call.sender import Sender

#: Datagrams of one name that wait for the next step; the oldest are dropped. Names are bounded as well.
MAX_WAITING, MAX_NAMES = 256, 64
#: Pause between two steps.
STEP_S = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Outgoing:
    """What a step gave. media: datagrams for all, which may get lost; references: those with parts of pictures, for
    all, by a reliable way where there is one. reports and shown: by the name of the participant that they are for, and
    of the one that is shown.
    """

    media: list[bytes]
    references: list[bytes]
    reports: dict[str, list[bytes]]
    shown: dict[str, Playback]


class Endpoint:
    """Sender and receivers behind an inbox. `put` and `leave` may be called by any thread, `step` by one at a time,
    which alone uses what the endpoint was given.

    sender and feed: both, or None for an end that only receives. clock_ms: never goes back; None for that of the
    machine, from 0 at the first step on.
    """

    def __init__(
        self,
        participants: Participants,
        sender: Sender | None = None,
        feed: Feed | None = None,
        *,
        clock_ms: Callable[[], float] | None = None,
    ) -> None:
        self._started_s: float | None = None
        self._clock_ms = clock_ms or self._machine_ms
        self.participants, self._sender, self._feed = participants, sender, feed
        self._lock = threading.Lock()
        self._inbox: dict[str, deque[tuple[float, bytes]]] = {}
        self._left: set[str] = set()
        self._is_finishing = False

    @property
    def has_sent_all(self) -> bool:
        """Whether a receiver knows that nothing follows, or was told as often as it is worth; True without a sender."""
        return self._sender is None or self._sender.is_over

    def put(self, name: str, data: bytes) -> None:
        """Take what a participant sent, media or a report; what is no datagram by its size is dropped."""
        if len(data) > MAX_DATAGRAM_BYTES:
            return
        with self._lock:
            if name in self._inbox or len(self._inbox) < MAX_NAMES:
                waiting = self._inbox.setdefault(name, deque(maxlen=MAX_WAITING))
                waiting.append((self._clock_ms(), bytes(data)))

    def leave(self, name: str) -> None:
        """Forget a participant."""
        with self._lock:
            self._inbox.pop(name, None)
            self._left.add(name)

    def step(self) -> Outgoing:
        """Do what is due: encode, decode, and say what is to be sent and shown."""
        self._started_s = self._started_s or time.monotonic()
        now_ms = self._clock_ms()
        with self._lock:
            inbox, self._inbox = self._inbox, {}
            left, self._left = self._left, set()
        for name in left:
            self.participants.leave(name)
        for name, waiting in inbox.items():
            for at_ms, data in waiting:
                self._take(name, data, min(at_ms, now_ms))
        sent = self._send(self._sender, now_ms) if self._sender is not None else []
        references = [data for data in sent if self._sender is not None and self._sender.has_reference(data)]
        return Outgoing(
            media=[data for data in sent if data not in references],
            references=references,
            shown=self.participants.poll(now_ms),
            reports=self.participants.reports(now_ms),
        )

    async def run(
        self,
        send: Callable[[Outgoing], Awaitable[None]],
        show: Callable[[dict[str, Playback]], Awaitable[None]],
        stop: asyncio.Event,
    ) -> None:
        """Step until `stop` is set. send: gives datagrams to the transport; show: takes what is due of each."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="bcdcodec call") as worker:
            while not stop.is_set():
                out = await loop.run_in_executor(worker, self.step)
                await send(out)
                await show(out.shown)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), STEP_S)

    def _machine_ms(self) -> float:
        return 0.0 if self._started_s is None else 1000 * (time.monotonic() - self._started_s)

    def _take(self, name: str, data: bytes, now_ms: float) -> None:
        if kind_of(data) != DatagramKind.REPORT:
            self.participants.receive(name, data, now_ms)
        elif self._sender is not None:
            self._sender.receive(data, now_ms)

    def _send(self, sender: Sender, now_ms: float) -> list[bytes]:
        if self._feed is None or self._is_finishing:
            return sender.poll(now_ms)
        out = sender.push_sound(self._feed.sound(now_ms), now_ms)
        for frame in self._feed.frames(now_ms):
            out += sender.push_frame(frame, now_ms)
        if self._feed.is_over:
            self._is_finishing = True
            return [*out, *sender.finish(now_ms)]
        return [*out, *sender.poll(now_ms)]
