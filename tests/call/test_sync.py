"""Lips and voice: what begins together at the sender is shown and heard together, whatever gets lost."""

import itertools

import numpy as np
import pytest
from call_kit import ScriptedEncoder, fake_decoders, frame

from bcdcodec.call.audio import TICK_MS, PlayedSound
from bcdcodec.call.budget import WirePlan
from bcdcodec.call.impair import Impairment, Network
from bcdcodec.call.receiver import Receiver
from bcdcodec.call.sender import Sender
from bcdcodec.video.audio import SAMPLE_RATE
from bcdcodec.video.live_opus import OpusEncoder

#: A burst of a tone begins with every so many frames.
EVERY, FRAME_MS, SECONDS = 10, 80, 40
MOST_MS = 40.0


def bursts() -> np.ndarray:
    """A tone of 100 ms at the time of every tenth frame."""
    time = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE
    is_on = time % (EVERY * FRAME_MS / 1000) < 0.1
    return (0.5 * np.sin(2 * np.pi * 600 * time) * is_on).astype(np.float32)[None]


def onset_ms(before: np.ndarray, samples: np.ndarray) -> float | None:
    """Where it gets loud after it was quiet, None where it does not."""
    loud = np.flatnonzero(np.abs(samples) > 0.15)
    if not len(loud) or np.abs(before).max() > 0.15 or np.abs(samples[: loud[0] // 2]).max(initial=0) > 0.1:
        return None
    return float(1000 * loud[0] / SAMPLE_RATE)


@pytest.mark.parametrize("impair", ["loss=0%", "loss=10%,jitter=60ms", "loss=20%,burst=4", "loss=30%"])
@pytest.mark.parametrize("wire_bitrate", [None, 12_000])
def test_a_burst_of_sound_is_heard_when_its_frame_is_shown(
    impair: str, wire_bitrate: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_decoders(monkeypatch)
    wire = None if wire_bitrate is None else WirePlan.of(wire_bitrate, tick_ms=FRAME_MS, sound_bitrate=4500)
    sender = Sender(ScriptedEncoder(), bitrate=4000, wire=wire, session=7)
    receiver = Receiver(None)  # type: ignore[arg-type]
    forth, back = (Network(Impairment.parse(impair), seed=seed) for seed in (1, 2))
    packets = OpusEncoder(bitrate=12_000, frame_ms=60).push(bursts())
    seen: dict[int, float] = {}
    heard: list[tuple[float, PlayedSound]] = []
    for now in range(0, 1000 * SECONDS, 10):
        ready = [packet for packet in packets if packet.tick * TICK_MS + 60 <= now]
        packets = packets[len(ready) :]
        out = sender.push_sound(ready, now)
        if now % FRAME_MS == 0:
            out += sender.push_frame(frame(now // FRAME_MS), now)
        for data in [*out, *sender.poll(now)]:
            forth.send(data, now)
        for data in forth.receive(now):
            receiver.receive(data, now)
        playback = receiver.poll(now)
        for data in receiver.reports(now):
            back.send(data, now)
        for data in back.receive(now):
            sender.receive(data, now)
        seen |= {one.index: now for one in playback.frames}
        heard += [(now, sound) for sound in playback.sounds]
    distances = []
    for (_, before), (start, sound) in itertools.pairwise(heard):
        found = onset_ms(before.samples[0], sound.samples[0])
        if before.concealed or sound.concealed or found is None:
            continue
        index = EVERY * round((sound.tick * TICK_MS + found) / (EVERY * FRAME_MS))
        if index in seen:
            distances.append(abs(start + found - seen[index]))
    assert len(distances) >= SECONDS / 4
    assert max(distances) <= MOST_MS
