"""Hostile datagrams: damaged, forged, replayed and random ones never stop a call, nor show what is not its own."""

import random
from collections.abc import Callable

import pytest
from call_kit import ScriptedEncoder, fake_decoders, frame, sound

from bcdcodec.call.datagram import MAX_DATAGRAM_BYTES, Envelope
from bcdcodec.call.playback import Shown
from bcdcodec.call.receiver import Receiver
from bcdcodec.call.seal import Seal, make_key
from bcdcodec.call.sender import Sender

FRAME_MS = 80
OWN, FOREIGN = b"own picture", b"foreign picture"
KEY = bytes(range(32))
Envelopes = Callable[[], Envelope | None]


@pytest.fixture(autouse=True)
def fake_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_decoders(monkeypatch)


def plain() -> Envelope | None:
    return None


def sealed() -> Envelope | None:
    return Seal(KEY)


def sent(sender: Sender, index: int) -> list[bytes]:
    out = sender.push_sound([sound(4 * index + tick) for tick in range(4)], FRAME_MS * index)
    return out + sender.push_frame(frame(index), FRAME_MS * index)


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Some bytes changed, cut off or appended."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        changed[rng.randrange(len(changed))] ^= rng.randint(1, 255)
    return bytes(changed[: rng.randint(0, len(changed))] if rng.random() < 0.3 else changed + rng.randbytes(3))


def play(receiver: Receiver, sender: Sender, frames: range, attack: Callable[[int], list[bytes]]) -> list[bytes]:
    """A call with other datagrams between its own; returns those of the call. Pictures that are shown are its own."""
    every: list[bytes] = []
    for index in frames:
        now = FRAME_MS * index
        own = sent(sender, index)
        every += own
        for data in [*attack(index), *own, *attack(index)]:
            receiver.receive(data, now)
        for data in receiver.reports(now):
            sender.receive(data, now)
            receiver.receive(data, now)  # echoed
        for data in attack(index):
            sender.receive(data, now)
        for shown in receiver.poll(now + 30).frames:
            assert shown.pixels[0, 0, 1] == OWN[0]
    return every


@pytest.mark.parametrize("envelope", [plain, sealed])
@pytest.mark.parametrize("seed", range(4))
def test_a_call_goes_on_among_damaged_replayed_and_random_datagrams(envelope: Envelopes, seed: int) -> None:
    rng = random.Random(seed)
    sender = Sender(ScriptedEncoder(OWN), bitrate=4000, session=7, envelope=envelope())
    other = Sender(ScriptedEncoder(FOREIGN), bitrate=4000, session=8, envelope=envelope())
    receiver = Receiver(None, session=7, envelope=envelope())  # type: ignore[arg-type]
    past: list[bytes] = [data for index in range(3) for data in sent(other, index)]

    def attack(index: int) -> list[bytes]:
        foreign = sent(other, index + 10)
        past.extend(foreign)
        chosen = rng.choices(past, k=4)
        return [*foreign, *chosen, *(damaged(data, rng) for data in chosen), rng.randbytes(rng.randint(0, 1400))]

    past += play(receiver, sender, range(40), lambda index: [])
    before = receiver.shown[Shown.DECODED]
    past += play(receiver, sender, range(40, 120), attack)
    assert receiver.shown[Shown.DECODED] - before >= 70
    assert receiver.refused > 300
    assert receiver.arrivals.lost == 0


@pytest.mark.parametrize("seed", range(3))
def test_who_has_no_key_changes_nothing(seed: int) -> None:
    rng = random.Random(seed)
    forger = Sender(ScriptedEncoder(FOREIGN), bitrate=4000, session=7, envelope=Seal(make_key()))
    plain_forger = Sender(ScriptedEncoder(FOREIGN), bitrate=4000, session=7)

    def attack(index: int) -> list[bytes]:
        return [*sent(forger, index), *sent(plain_forger, index), rng.randbytes(MAX_DATAGRAM_BYTES)]

    def shown(attack: Callable[[int], list[bytes]]) -> tuple[dict[Shown, int], int]:
        sender = Sender(ScriptedEncoder(OWN), bitrate=4000, session=7, envelope=Seal(KEY))
        receiver = Receiver(None, envelope=Seal(KEY))  # type: ignore[arg-type]
        play(receiver, sender, range(60), attack)
        return receiver.shown, receiver.arrivals.received

    assert shown(attack) == shown(lambda index: [])


@pytest.mark.parametrize("envelope", [plain, sealed])
@pytest.mark.parametrize("joins", [0, 37, 300])
def test_who_joins_late_and_again_sees_the_call(envelope: Envelopes, joins: int) -> None:
    encoder = ScriptedEncoder(OWN)
    sender = Sender(encoder, bitrate=4000, session=7, envelope=envelope())
    for index in range(joins):
        sent(sender, index)
    for start in (joins, joins + 60, joins + 120):
        receiver = Receiver(None, envelope=envelope())  # type: ignore[arg-type]
        play(receiver, sender, range(start, start + 60), lambda index: [])
        # Sealed, the sender takes no report of a receiver that begins anew, and sends the header again by itself.
        assert receiver.shown[Shown.DECODED] >= 20


def test_a_sender_that_begins_anew_is_taken_once_the_old_one_is_silent() -> None:
    receiver = Receiver(None)  # type: ignore[arg-type]
    play(receiver, Sender(ScriptedEncoder(OWN), bitrate=4000, session=7), range(30), lambda index: [])
    again = Sender(ScriptedEncoder(OWN), bitrate=4000, session=9)
    play(receiver, again, range(31, 31 + 200), lambda index: [])
    assert receiver.shown[Shown.DECODED] >= 100
