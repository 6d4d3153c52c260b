"""The clock of a call on machines that keep up, and on those that do not."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

from bcdcodec.call.pace import MAX_LAG_MS, PacedClock, PacedFeed
from bcdcodec.frame import Frame
from bcdcodec.video.audio import OpusPacket

RATE = Fraction(25, 2)
FRAME_MS = 80.0


class Machine:
    """A clock that stands still but for sleep and work."""

    def __init__(self) -> None:
        self.now_s = 5.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class EndlessFeed:
    """Frames at the rate, numbered, and packets of 60 ms."""

    is_over = False

    def __init__(self) -> None:
        self.next_index = self.next_packet = 0

    def frames(self, media_ms: float) -> Iterator[Frame]:
        while self.next_index * FRAME_MS <= media_ms:
            yield Frame(pixels=np.full((2, 2, 3), self.next_index % 256, np.uint8), index=self.next_index)
            self.next_index += 1

    def sound(self, media_ms: float) -> list[OpusPacket]:
        packets = []
        while 60 * (self.next_packet + 1) <= media_ms:
            packets.append(OpusPacket(tick=3 * self.next_packet, data=b"x"))
            self.next_packet += 1
        return packets


class Run:
    """A call of some real time on a machine that works for each frame."""

    def __init__(self, work_ms: float, real_ms: float) -> None:
        machine, source = Machine(), EndlessFeed()
        self.clock = PacedClock(FRAME_MS, clock=machine, sleep=machine.sleep)
        feed = PacedFeed(source, RATE, sound_ms=60)
        self.indices, self.pictures, self.ticks, self.lags_ms = list[int](), list[int](), list[int](), list[float]()
        while self.clock.real_ms < real_ms:
            now_ms = self.clock.step()
            self.lags_ms.append(self.clock.real_ms - self.clock.source_ms)
            for frame in feed.frames(self.clock.source_ms, now_ms):
                self.indices.append(frame.index)
                self.pictures.append(int(frame.pixels[0, 0, 0]))
                machine.sleep(work_ms / 1000)
            self.ticks += [packet.tick for packet in feed.sound(self.clock.source_ms, now_ms)]


@pytest.mark.parametrize("work_ms", [0.0, 70.0])
def test_a_machine_that_keeps_up_drops_nothing(work_ms: float) -> None:
    run = Run(work_ms, 8000)
    assert run.indices == run.pictures == list(range(len(run.indices)))
    assert 98 <= len(run.indices) <= 101
    assert run.ticks == list(range(0, 3 * len(run.ticks), 3)) and 130 <= len(run.ticks) <= 134
    assert run.clock.skipped_ms == 0
    assert run.clock.speed == pytest.approx(1, abs=0.05)


def test_a_slow_machine_drops_pictures_and_queues_nothing() -> None:
    run = Run(320.0, 16_000)
    assert run.indices == list(range(len(run.indices))), "ticks of the call follow each other"
    assert len(run.indices) == pytest.approx(16_000 / 320, abs=2)
    steps = np.diff(run.pictures)
    assert steps.min() >= 1 and steps[10:].mean() == pytest.approx(4, abs=0.3), "pictures come as they do in reality"
    assert run.pictures[-1] * FRAME_MS > 16_000 - MAX_LAG_MS - 400
    assert max(run.lags_ms[1:]) <= MAX_LAG_MS + 1
    assert run.clock.speed == pytest.approx(0.25, abs=0.05)
    assert run.ticks == list(range(0, 3 * len(run.ticks), 3))
    assert 60 * len(run.ticks) <= run.clock.now_ms + 60, "sound does not run ahead of the pictures"


def test_a_pause_of_the_machine_is_left_out() -> None:
    machine = Machine()
    clock = PacedClock(FRAME_MS, clock=machine, sleep=machine.sleep)
    for _ in range(10):
        clock.step()
    machine.sleep(30)
    before_ms = clock.now_ms
    clock.step()
    assert clock.now_ms - before_ms == FRAME_MS
    assert clock.source_ms > 30_000 - MAX_LAG_MS
