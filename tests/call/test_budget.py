"""The budget of the wire: who gets what, and that the whole holds."""

import re

import pytest
from call_kit import ScriptedEncoder, fake_decoders, frame

from bcdcodec.call.budget import LEAST_SOUND_BPS, LEAST_VIDEO_BPS, SPARE, START_MS, WireBudget, WirePlan
from bcdcodec.call.datagram import IP_UDP_BYTES
from bcdcodec.call.impair import Impairment, Network
from bcdcodec.call.receiver import Receiver
from bcdcodec.call.sender import Sender
from bcdcodec.errors import ConfigError, RateError
from bcdcodec.video.audio import OpusPacket

TICK_MS = 80.0
#: An Opus packet of 60 ms in narrow band.
SPOKEN = bytes([0x18]) + bytes(29)


def plan(wire_bitrate: float, **changes: object) -> WirePlan:
    return WirePlan.of(wire_bitrate, **{"tick_ms": TICK_MS, "sound_bitrate": 6000, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wire_bitrate", "sound_bitrate", "frames", "sound"),
    [
        (8000, 6000, 3, LEAST_SOUND_BPS),
        (8000, None, 2, 0),
        (12_000, 6000, 2, LEAST_SOUND_BPS),
        (16_000, 6000, 1, LEAST_SOUND_BPS),
        (8000, 3000, 3, 3000),
    ],
)
def test_a_plan_has_the_fewest_frames_a_packet_that_are_worth_it(
    wire_bitrate: int, sound_bitrate: int | None, frames: int, sound: int
) -> None:
    found = plan(wire_bitrate, sound_bitrate=sound_bitrate)
    assert (found.packet_frames, found.sound_bitrate) == (frames, sound)
    around = 8000 * (IP_UDP_BYTES + 12) / found.packet_ms
    assert LEAST_VIDEO_BPS <= found.video_bitrate < wire_bitrate - sound - around


@pytest.mark.parametrize("changes", [{}, {"sound_bitrate": None}, {"packet_frames": 1}, {"end_bytes": 16}])
def test_too_little_is_refused_with_the_least_that_will_do(changes: dict[str, object]) -> None:
    with pytest.raises(RateError, match="wire bitrate is 2000 bit/s, needs at least") as refusal:
        plan(2000, **changes)
    least = int(re.findall(r"at least (\d+)", str(refusal.value))[0])
    assert plan(least, **changes).video_bitrate >= LEAST_VIDEO_BPS
    with pytest.raises(RateError):
        plan(least - 10, **changes)


@pytest.mark.parametrize("wire_bitrate", [0, -1, float("nan"), float("inf")])
def test_what_is_no_bitrate_is_refused(wire_bitrate: float) -> None:
    with pytest.raises(ConfigError, match="needs a number above 0"):
        plan(wire_bitrate)


def test_room_is_what_the_last_window_left_and_more_at_the_start() -> None:
    budget = WireBudget(plan(8000))
    window = budget.window_ms
    assert window == 1200
    a_window, at_start = int((1 - SPARE) * window), int((1 - SPARE) * (window + START_MS))
    assert budget.room_bytes(0) == at_start
    budget.spend(1500, 0)
    assert budget.room_bytes(0) == at_start - 1500
    assert budget.room_bytes(window) == a_window
    budget.spend(1300, window)
    assert budget.room_bytes(window + 1) == a_window - 1300
    assert budget.room_bytes(2 * window) == a_window


@pytest.mark.parametrize("wire_bitrate", [8000, 10_000, 12_000])
def test_a_call_keeps_to_it_where_much_gets_lost_and_pictures_are_asked_for(
    wire_bitrate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_decoders(monkeypatch)
    wire = plan(wire_bitrate)
    encoder = ScriptedEncoder(bytes(700), packet_frames=wire.packet_frames)
    sender, receiver = Sender(encoder, bitrate=4000, wire=wire, session=7), Receiver(None)  # type: ignore[arg-type]
    forth, back = (Network(Impairment(loss=0.2, burst=2), seed=seed) for seed in (1, 2))
    sent: list[tuple[int, int]] = []
    for now in range(0, 30_000, 10):
        out: list[bytes] = []
        if now and now % 60 == 0:
            out += sender.push_sound([OpusPacket(tick=3 * (now // 60 - 1), data=SPOKEN)], now)
        if now % 80 == 0:
            if now % 4000 == 0:
                encoder.request_reference()
            out += sender.push_frame(frame(now // 80), now)
        for data in [*out, *sender.poll(now)]:
            sent.append((now, len(data) + IP_UDP_BYTES))
            forth.send(data, now)
        for data in forth.receive(now):
            receiver.receive(data, now)
        for data in receiver.reports(now):
            back.send(data, now)
        for data in back.receive(now):
            sender.receive(data, now)
        receiver.poll(now)
    assert receiver.references.header is not None
    assert len(receiver.references._whole) >= 4
    budget = WireBudget(wire)
    most = wire_bitrate * budget.window_ms / 8000
    for start in range(0, 28_000, 10):
        spent = sum(size for at, size in sent if start <= at < start + budget.window_ms)
        assert spent <= most + (START_MS * wire_bitrate / 8000 if start < budget.window_ms else 0)


def test_another_plan_in_the_call_changes_the_packets_and_keeps_the_count() -> None:
    class Adjustable(ScriptedEncoder):
        frames = 0

        def set_packet_frames(self, packet_frames: int) -> None:
            self.frames = packet_frames

    encoder = Adjustable(bytes(700))
    sender = Sender(encoder, bitrate=4000, wire=plan(8000), session=7)
    sender.push_frame(frame(0), 0)
    sender.set_wire_bitrate(plan(16_000))
    assert encoder.frames == 1
    assert sender._composer.budget is not None
    assert sender._composer.budget.room_bytes(0) < 16_000 * (sender._composer.budget.window_ms + START_MS) / 8000 - 700


def test_pieces_of_a_picture_wait_for_room_and_for_media() -> None:
    sender = Sender(ScriptedEncoder(bytes(4000), packet_frames=3), bitrate=4000, wire=plan(8000), session=7)
    first = sender.push_frame(frame(0), 0)
    assert sum(len(data) + IP_UDP_BYTES for data in first) <= 2200
    assert sender.poll(100) == []
    later = [data for index in range(1, 61) for data in sender.push_frame(frame(index), 80 * index)]
    assert sum(len(data) for data in [*first, *later]) > 4000
    assert len(later) == 20


def test_a_change_of_bitrate_stays_within_the_wire() -> None:
    encoder, wire = ScriptedEncoder(), plan(8000)
    made = Sender(encoder, bitrate=4000, wire=wire, session=7)  # type: ignore[arg-type]
    made.set_bitrate(16_000)
    assert encoder.bitrates[-1] == pytest.approx(wire.video_bitrate)
