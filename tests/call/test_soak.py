"""Long calls: memory, queues and delay do not grow."""

import gc
import tracemalloc

import numpy as np
import pytest
from call_kit import ScriptedEncoder, fake_decoders, frame

from bcdcodec.call.budget import WirePlan
from bcdcodec.call.impair import Impairment, Network
from bcdcodec.call.receiver import Receiver
from bcdcodec.call.sender import Sender
from bcdcodec.video.audio import OpusPacket

FRAME_MS, MINUTE_MS = 80, 60_000
#: Growth of memory in a minute that is none, in bytes.
NOTHING = 30_000
SAMPLES = np.zeros((1, 2880), np.float32)
SPOKEN = bytes([0x08, 0x00]) + bytes(20)


@pytest.mark.slow
def test_ten_minutes_take_no_more_than_two(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_decoders(monkeypatch)
    monkeypatch.setattr("bcdcodec.call.audio.OpusDecoder.decode", lambda decoder, data: SAMPLES)
    wire = WirePlan.of(12_000, tick_ms=FRAME_MS, sound_bitrate=4500)
    encoder = ScriptedEncoder(packet_frames=wire.packet_frames)
    sender, receiver = Sender(encoder, bitrate=4000, wire=wire, session=7), Receiver(None)  # type: ignore[arg-type]
    forth, back = (Network(Impairment(loss=0.2, burst=3, jitter_ms=40), seed=seed) for seed in (1, 2))
    sizes, delays = list[int](), list[float]()
    tracemalloc.start()
    try:
        for now in range(0, 10 * MINUTE_MS, 10):
            out: list[bytes] = []
            if now and now % 60 == 0:
                out += sender.push_sound([OpusPacket(tick=3 * (now // 60 - 1), data=SPOKEN)], now)
            if now % FRAME_MS == 0:
                # Numbers of pictures end at 255; a real encoder begins anew.
                encoder._is_asked = now % 4000 == 0 and encoder._number < 120
                out += sender.push_frame(frame(now // FRAME_MS), now)
            for data in [*out, *sender.poll(now)]:
                forth.send(data, now)
            for data in forth.receive(now):
                receiver.receive(data, now)
            receiver.poll(now)
            for data in receiver.reports(now):
                back.send(data, now)
            for data in back.receive(now):
                sender.receive(data, now)
            if now % MINUTE_MS == MINUTE_MS - 10:
                gc.collect()
                delays.append(receiver.playout.buffer_ms)
                if receiver._painter is not None:  # the list of the fake decoder is not the call's
                    receiver._painter._decoder.given.clear()  # type: ignore[attr-defined]
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sizes[-1] - sizes[1] < NOTHING
    assert max(delays[2:]) - min(delays[2:]) < 200
    assert len(receiver.motion._waiting) < 20
    assert len(receiver.sound._waiting) < 20
    assert sender._outbox is not None
    assert sender._outbox.waiting < 10
