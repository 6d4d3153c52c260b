"""Both ends of a call in one process, over a network that is made up, on a clock that is made up or this machine's."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from bcdcodec.call.budget import SOUND_FRAME_MS
from bcdcodec.call.feed import Feed
from bcdcodec.call.impair import Impairment, Network
from bcdcodec.call.pace import PacedClock, PacedFeed
from bcdcodec.call.playback import Playback
from bcdcodec.call.receiver import Receiver
from bcdcodec.call.sender import Sender
from bcdcodec.call.statistics import PlayoutMeter, ReceiverMeter, SenderMeter
from bcdcodec.frame import Frame
from bcdcodec.video.audio import OpusPacket

#: Step of the clock that is made up, and the time after the last frame in which the receiver may show the rest.
STEP_MS, TAIL_MS = 10.0, 10_000.0


class Loopback:
    """A sender, a receiver, and the network there and back. impairment: of both directions, with other seeds."""

    def __init__(self, sender: Sender, receiver: Receiver, *, impairment: Impairment, seed: int = 0) -> None:
        self.sender, self.receiver = sender, receiver
        self.forth, self.back = Network(impairment, seed=2 * seed), Network(impairment, seed=2 * seed + 1)

    def set_impairment(self, impairment: Impairment) -> None:
        """Go on over another network."""
        self.forth.impairment = self.back.impairment = impairment

    def step(self, frames: Sequence[Frame], sound: Sequence[OpusPacket], now_ms: float) -> Playback:
        """Send what is due, and take what arrives; returns what is shown. now_ms: never goes back."""
        out = self.sender.push_sound(sound, now_ms)
        for frame in frames:
            out += self.sender.push_frame(frame, now_ms)
        return self._carry(out, now_ms)

    def finish(self, now_ms: float) -> Playback:
        """Send what waits, and that nothing follows; `step` shows the rest."""
        return self._carry(self.sender.finish(now_ms), now_ms)

    def _carry(self, out: list[bytes], now_ms: float) -> Playback:
        for data in [*out, *self.sender.poll(now_ms)]:
            self.forth.send(data, now_ms)
        for data in self.forth.receive(now_ms):
            self.receiver.receive(data, now_ms)
        playback = self.receiver.poll(now_ms)
        for data in self.receiver.reports(now_ms):
            self.back.send(data, now_ms)
        for data in self.back.receive(now_ms):
            self.sender.receive(data, now_ms)
        return playback


def run_loopback(
    sender: Sender,
    receiver: Receiver,
    feed: Feed,
    *,
    impairment: Impairment,
    seed: int = 0,
    is_paced: bool = False,
    is_live: bool = False,
    show: Callable[[Playback], object] = lambda playback: None,
    report: Callable[[str], object] = lambda line: None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Run a call to its end; returns its numbers.

    is_paced: no faster than the clock of the machine; the times of the call are those of the made-up clock in any case,
    in which work takes no time. is_live: for a source that does not wait, by `PacedClock`. report: takes a line each
    second. is_stopped: whether whoever sees it has had enough.
    """
    call = Loopback(sender, receiver, impairment=impairment, seed=seed)
    sent, shown = SenderMeter(sender), ReceiverMeter(receiver)
    live_clock = live_feed = None
    if is_live:
        live_clock = PacedClock(float(1000 / sender.frame_rate))
        live_feed = PacedFeed(feed, sender.frame_rate, sound_ms=SOUND_FRAME_MS)
    now_ms, end_ms, second = 0.0, float("inf"), 1
    pace = PlayoutMeter()
    began_s = time.monotonic()
    while now_ms < end_ms and not receiver.is_over and not is_stopped():
        if live_clock is not None and live_feed is not None:
            now_ms, source_ms = live_clock.step(), live_clock.source_ms
            frames, sound = live_feed.frames(source_ms, now_ms), live_feed.sound(source_ms, now_ms)
        else:
            if is_paced:
                time.sleep(max(0.0, began_s + now_ms / 1000 - time.monotonic()))
            frames, sound = [*feed.frames(now_ms)], feed.sound(now_ms)
        playbacks = [call.step(frames, sound, now_ms)]
        if feed.is_over and end_ms == float("inf"):
            end_ms = now_ms + TAIL_MS
            playbacks.append(call.finish(now_ms))
        for playback in playbacks:
            show(playback)
            pace.add(playback, now_ms, receiver.frame_rate)
        if live_clock is None:
            now_ms += STEP_MS
        if now_ms >= 1000 * second:
            speed = "" if live_clock is None else f"  speed {live_clock.speed:.2f}"
            report(f"{sent.line(now_ms)}  {shown.line(now_ms)}{speed}")
            second += 1
    return {**sent.summary(min(now_ms, end_ms - TAIL_MS)), **shown.summary(), **pace.summary()}
