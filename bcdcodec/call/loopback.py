"""Both ends of a call in one process, over a network that is made up, on a clock that is made up."""

import time
from collections.abc import Callable
from typing import Any

from bcdcodec.call.feed import FileFeed
from bcdcodec.call.impair import Impairment, Network
from bcdcodec.call.receiver import Playback, Receiver
from bcdcodec.call.sender import Sender
from bcdcodec.call.statistics import PlayoutMeter, ReceiverMeter, SenderMeter

#: Step of the clock, and the time after the last frame in which the receiver may show the rest.
STEP_MS, TAIL_MS = 10.0, 10_000.0


def run_loopback(
    sender: Sender,
    receiver: Receiver,
    feed: FileFeed,
    *,
    impairment: Impairment,
    seed: int = 0,
    is_paced: bool = False,
    show: Callable[[Playback], object] = lambda playback: None,
    report: Callable[[str], object] = lambda line: None,
) -> dict[str, Any]:
    """Run a call to its end; returns its numbers.

    impairment: of both directions, with other seeds. is_paced: no faster than the clock of the machine; the times of
    the call are those of the made-up clock in any case, in which work takes no time. report: takes a line each second.
    """
    forth, back = Network(impairment, seed=2 * seed), Network(impairment, seed=2 * seed + 1)
    sent, shown = SenderMeter(sender), ReceiverMeter(receiver)
    now_ms, end_ms, second = 0.0, float("inf"), 1
    pace = PlayoutMeter()
    began_s = time.monotonic()
    while now_ms < end_ms and not receiver.is_over:
        if is_paced:
            time.sleep(max(0.0, began_s + now_ms / 1000 - time.monotonic()))
        out = sender.push_sound(feed.sound(now_ms), now_ms)
        for frame in feed.frames(now_ms):
            out += sender.push_frame(frame, now_ms)
        if feed.is_over and end_ms == float("inf"):
            end_ms = now_ms + TAIL_MS
            out += sender.finish(now_ms)
        for data in [*out, *sender.poll(now_ms)]:
            forth.send(data, now_ms)
        for data in forth.receive(now_ms):
            receiver.receive(data, now_ms)
        playback = receiver.poll(now_ms)
        show(playback)
        pace.add(playback, now_ms, receiver.frame_rate)
        for data in receiver.reports(now_ms):
            back.send(data, now_ms)
        for data in back.receive(now_ms):
            sender.receive(data, now_ms)
        now_ms += STEP_MS
        if now_ms >= 1000 * second:
            report(f"{sent.line(now_ms)}  {shown.line(now_ms)}")
            second += 1
    return {**sent.summary(min(now_ms, end_ms - TAIL_MS)), **shown.summary(), **pace.summary()}
