"""Clock of a call that this machine must keep up with, and the part of a source that fits it.

While encoding and decoding take longer than the time that passes, the clock of the call falls behind that of the
machine, and pictures in between are dropped: the delay stays what it was, and nothing queues up.
"""

import time
from collections import deque
from collections.abc import Callable
from fractions import Fraction

from bcdcodec.call.audio import TICK_MS
from bcdcodec.call.feed import Feed
from bcdcodec.frame import Frame
from bcdcodec.video.audio import OpusPacket

#: Time from step to step of a machine that has nothing to do, and the most by which the clock lags before it skips.
STEP_MS, MAX_LAG_MS = 10.0, 250.0
#: Time over which the speed is taken.
RECENT_MS = 4000.0


class PacedClock:
    """Times in ms since it began. most_step_ms: of the call's time from step to step, that of a frame at most."""

    def __init__(
        self,
        most_step_ms: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._most_step_ms, self._clock, self._sleep = most_step_ms, clock, sleep
        self._start_s = clock()
        self._recent: deque[tuple[float, float]] = deque([(0.0, 0.0)])
        #: Time of the call, and time that was left out of it.
        self.now_ms = self.skipped_ms = 0.0

    @property
    def real_ms(self) -> float:
        """The machine's time since the beginning."""
        return 1000 * (self._clock() - self._start_s)

    @property
    def source_ms(self) -> float:
        """Where a source that does not wait is at the time of the call."""
        return self.now_ms + self.skipped_ms

    @property
    def speed(self) -> float:
        """Time of the call in a second of the machine, over the last seconds: 1 where it keeps up."""
        (real_ms, now_ms), (last_real_ms, last_now_ms) = self._recent[0], self._recent[-1]
        elapsed_ms = last_real_ms - real_ms
        return min(1.0, (last_now_ms - now_ms) / elapsed_ms) if elapsed_ms > RECENT_MS / 4 else 1.0

    def step(self) -> float:
        """Go on, and wait where nothing is late; returns the time of the call."""
        lag_ms = self.real_ms - self.source_ms
        if lag_ms < STEP_MS:
            self._sleep((STEP_MS - lag_ms) / 1000)
            lag_ms = max(lag_ms, self.real_ms - self.source_ms)
        if lag_ms > MAX_LAG_MS:
            self.skipped_ms += lag_ms - MAX_LAG_MS
            lag_ms = MAX_LAG_MS
        self.now_ms += min(lag_ms, self._most_step_ms)
        self._recent.append((self.real_ms, self.now_ms))
        while self._recent[-1][0] - self._recent[0][0] > RECENT_MS:
            self._recent.popleft()
        return self.now_ms


class PacedFeed:
    """What fits into a call of a source that goes on at its own pace: the newest frame, and sound while there is room.

    Frames and sound get indices and ticks of the call's clock. rate: of the call; sound_ms: length of a packet.
    """

    def __init__(self, feed: Feed, rate: Fraction, *, sound_ms: int) -> None:
        self._feed, self._rate, self._sound_ms = feed, rate, sound_ms
        self._newest: Frame | None = None
        self._last_index = -1
        self._next_tick = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing follows."""
        return self._feed.is_over and self._newest is None

    def frames(self, source_ms: float, now_ms: float) -> list[Frame]:
        """The newest frame, unless its tick of the call had one. now_ms: time of the call."""
        for frame in self._feed.frames(source_ms):
            self._newest = frame
        index = int(now_ms * self._rate / 1000)
        if self._newest is None or index <= self._last_index:
            return []
        frame, self._newest, self._last_index = self._newest, None, index
        return [Frame(pixels=frame.pixels, index=index)]

    def sound(self, source_ms: float, now_ms: float) -> list[OpusPacket]:
        """Packets that are not ahead of the call's clock, one after the other."""
        packets: list[OpusPacket] = []
        self._next_tick = max(self._next_tick, int((now_ms - self._sound_ms - MAX_LAG_MS) / TICK_MS))
        for packet in self._feed.sound(source_ms):
            if self._next_tick * TICK_MS < now_ms:
                packets.append(OpusPacket(tick=self._next_tick, data=packet.data))
                self._next_tick += round(self._sound_ms / TICK_MS)
        return packets
