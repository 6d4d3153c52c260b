"""The receiver on exact times, with a decoder that says what it was given."""

import itertools
from collections.abc import Callable

import pytest
from call_kit import RATE, FakeDecoder, ScriptedEncoder, fake_decoders, frame, sound
from hypothesis import given, settings
from hypothesis import strategies as st

from bcdcodec.call.datagram import Checksum, DatagramKind, DatagramReader, DatagramWriter
from bcdcodec.call.feedback import HASTY_REPORT_MS, REPORT_MS, Report
from bcdcodec.call.playback import Playback, Shown
from bcdcodec.call.receiver import MAX_CONCEALED_MS, MAX_LATE_MS, PATIENCE_MS, SILENCE_MS, Receiver
from bcdcodec.call.sender import Sender

TICK_MS = float(1000 / RATE)
Push = Callable[[Receiver, list[bytes], float], None]


class Pair:
    """A sender and a receiver. `sent[i]`: the datagrams of frame i, with four ticks of sound."""

    def __init__(self, frames: int, encoder: ScriptedEncoder | None = None, *, session: int = 7) -> None:
        self.sender = Sender(encoder or ScriptedEncoder(), bitrate=4000, session=session)
        self.receiver = Receiver(None)  # type: ignore[arg-type]
        self.sent = [self.push(index) for index in range(frames)]

    def push(self, index: int) -> list[bytes]:
        out = self.sender.push_sound([sound(4 * index + tick) for tick in range(4)], TICK_MS * index)
        return out + self.sender.push_frame(frame(index), TICK_MS * index)

    def give(self, index: int, late_ms: float = 0.0) -> None:
        for data in self.sent[index]:
            self.receiver.receive(data, TICK_MS * index + late_ms)

    def shown(self, until: int, start: int = 0) -> list[tuple[int, Shown]]:
        """Pictures that are due at the times of frames, and 50 ms later."""
        frames = [self.receiver.poll(TICK_MS * index + 50).frames for index in range(start, until)]
        return [(one.index, one.shown) for some in frames for one in some]


@pytest.fixture(autouse=True)
def fake_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_decoders(monkeypatch)


def decoder(receiver: Receiver) -> FakeDecoder:
    assert receiver._painter is not None
    made = receiver._painter._decoder
    assert isinstance(made, FakeDecoder)
    return made


def report(receiver: Receiver, now_ms: float) -> Report | None:
    found = receiver.reports(now_ms)
    return Report.unpack(DatagramReader(Checksum()).unpack(found[0], (DatagramKind.REPORT,)).body) if found else None


def test_pictures_and_sound_are_shown_on_one_clock() -> None:
    pair = Pair(5)
    for index in range(5):
        pair.give(index)
    early, due = pair.receiver.poll(19), pair.receiver.poll(20)
    assert (early.frames, early.sounds) == ([], [])
    assert [one.index for one in due.frames] == [0]
    assert [one.tick for one in due.sounds] == [0]
    later = pair.receiver.poll(20 + 2 * TICK_MS)
    assert [one.index for one in later.frames] == [1, 2]
    assert [one.tick for one in later.sounds] == list(range(1, 9))


def test_a_lost_datagram_comes_with_the_next_one() -> None:
    pair = Pair(6)
    for index in (0, 1, 3, 4, 5):
        pair.give(index)
    assert pair.shown(7) == [(index, Shown.DECODED) for index in range(6)]
    assert decoder(pair.receiver).lost == 0


def test_two_lost_datagrams_are_concealed_once_they_are_due() -> None:
    pair = Pair(8)
    for index in (0, 1, 4, 5, 6, 7):
        pair.give(index)
    shown = dict(pair.shown(9))
    assert shown == {index: Shown.CONCEALED if index == 2 else Shown.DECODED for index in range(8)}
    assert decoder(pair.receiver).lost == 1
    assert pair.receiver.motion.missing == 1


def test_when_nothing_comes_pictures_are_made_up_and_then_stay() -> None:
    pair = Pair(2)
    pair.give(0)
    assert pair.shown(1) == []
    pair.give(1)
    kinds = [shown for _, shown in pair.shown(40)]
    made_up = int(MAX_CONCEALED_MS / TICK_MS)
    assert kinds == [*[Shown.DECODED] * 2, *[Shown.CONCEALED] * made_up, *[Shown.FROZEN] * (38 - made_up)]


def test_duplicates_and_disorder_change_nothing() -> None:
    pair = Pair(6)
    for index in (1, 0, 0, 2, 4, 3, 3, 5):
        pair.give(index)
    assert pair.shown(7) == [(index, Shown.DECODED) for index in range(6)]
    assert pair.receiver.arrivals.duplicates == 2


def test_a_late_joiner_sees_what_comes_and_asks_for_the_header() -> None:
    pair = Pair(4)
    pair.give(2)
    told = report(pair.receiver, 200)
    assert told is not None
    assert not told.has_header
    assert told.loss == 0
    assert pair.receiver.poll(400).frames == []
    data = DatagramWriter(7, Checksum()).pack(DatagramKind.REPORT, told.pack(), sent_ms=0)
    pair.sender.receive(data, 2000)
    again = pair.sender.poll(2000)
    assert again
    for data in again:
        pair.receiver.receive(data, 250)
    pair.give(3)
    assert [index for index, _ in pair.shown(10, 3)][:2] == [1, 2]  # the copy of 1 came with 2
    told = report(pair.receiver, 1200)
    assert told is not None
    assert told.has_header


def test_motion_waits_for_no_picture_but_its_own() -> None:
    encoder = ScriptedEncoder()
    pair = Pair(2, encoder)
    encoder.request_reference()
    pair.sent += [pair.push(index) for index in range(2, 5)]
    for index in range(2):
        pair.give(index)
    lost = pair.sent[2]
    pair.give(3)  # motion 2 and 3, both of the picture that was lost
    pair.give(4)
    assert [shown for _, shown in pair.shown(6)] == [Shown.DECODED] * 2 + [Shown.CONCEALED] * 3
    told = report(pair.receiver, 450)
    assert told is not None
    assert not told.needs_reference
    told = report(pair.receiver, 500 + PATIENCE_MS)
    assert told is not None
    assert told.needs_reference
    pair.sent += [lost, pair.push(6)]
    for data in lost:
        pair.receiver.receive(data, 2000)
    for data in pair.sent[6]:
        pair.receiver.receive(data, 6 * TICK_MS)
    pair.shown(9, 6)
    assert decoder(pair.receiver).given[-2:] == ["content 1", "motion 6"]


def test_reports_are_rare_and_hasty_only_without_a_header() -> None:
    pair = Pair(3)
    assert pair.receiver.reports(0) == []
    pair.give(1)
    times = [now for now in range(0, 2000, 10) if pair.receiver.reports(now)]
    assert {after - before for before, after in itertools.pairwise(times)} == {HASTY_REPORT_MS}
    pair.give(0)
    times = [now for now in range(2000, 6000, 10) if pair.receiver.reports(now)]
    assert {after - before for before, after in itertools.pairwise(times)} == {REPORT_MS}


def test_another_session_is_dropped_until_the_first_is_silent() -> None:
    pair, other = Pair(2), Pair(1, session=8)
    pair.give(0)
    pair.receiver.receive(other.sent[0][0], 100)
    assert pair.receiver.refused == 1
    pair.receiver.receive(b"garbage", 10_000)
    pair.receiver.receive(other.sent[0][0][:-1] + b"x", 10_000)
    assert decoder(pair.receiver).given == []
    pair.receiver.receive(other.sent[0][0], 10_000 + SILENCE_MS)
    assert pair.receiver.arrivals.received == 1
    assert pair.receiver.reports(20_000)[0][1:5] == bytes([0, 0, 0, 8])


def test_it_is_over_when_all_is_shown() -> None:
    pair = Pair(2)
    pair.give(0)
    pair.give(1)
    for data in pair.sender.finish(2 * TICK_MS):
        pair.receiver.receive(data, 2 * TICK_MS)
    assert len(pair.shown(2)) == 2
    assert not pair.receiver.is_over
    playback = pair.receiver.poll(5000)
    assert playback.frames == []
    assert pair.receiver.is_over


def test_a_caller_that_sleeps_gets_the_last_seconds_alone() -> None:
    pair = Pair(2)
    pair.give(0)
    pair.give(1)
    pair.receiver.poll(50)
    assert len(pair.receiver.poll(1e6).frames) < 100


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_forged_bodies_raise_nothing(data: st.DataObject) -> None:
    writer, receiver = DatagramWriter(7, Checksum()), Receiver(None)  # type: ignore[arg-type]
    sent = Sender(ScriptedEncoder(), bitrate=4000, session=7).push_frame(frame(0), 0)
    writer.next_sequence = len(sent)
    for good in sent:
        receiver.receive(good, 0)
    body = DatagramReader(Checksum()).unpack(sent[0], (DatagramKind.MEDIA,)).body
    for _ in range(5):
        changed = bytearray(body)
        for _ in range(data.draw(st.integers(1, 4))):
            changed[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
        kind = data.draw(st.sampled_from([DatagramKind.MEDIA, DatagramKind.BYE]))
        receiver.receive(writer.pack(kind, bytes(changed), sent_ms=0), 0)
        playback = receiver.poll(100)
        assert isinstance(playback, Playback)
        receiver.reports(100)


def test_a_picture_is_made_ahead_of_its_time_only_where_nothing_is_due() -> None:
    pair = Pair(6)
    for index in range(6):
        pair.give(index)
    made = []
    for now in (0, 5, 20, 25, 30, 80 + 20):
        before = decoder(pair.receiver).made if pair.receiver._painter else 0
        playback = pair.receiver.poll(now)
        made.append((len(playback.frames), decoder(pair.receiver).made - before))
    assert made == [(0, 0), (0, 0), (1, 1), (0, 1), (0, 1), (1, 0)]


def test_a_machine_that_does_not_keep_up_shows_fewer_pictures_not_later_ones() -> None:
    frames, picture_ms = 200, 2 * TICK_MS  # twice as long as there is
    pair = Pair(frames)
    now, given = 0.0, 0
    late: list[float] = []
    while now < TICK_MS * frames:
        while given < frames and TICK_MS * given <= now:
            pair.give(given)
            given += 1
        before = decoder(pair.receiver).made if pair.receiver._painter else 0
        playback = pair.receiver.poll(now)
        made = decoder(pair.receiver).made - before
        now += 10 + picture_ms * made
        late += [now - TICK_MS * one.index for one in playback.frames if one.shown is Shown.DECODED]
    assert len(late) > 0.4 * frames
    # Two pictures are made in a step, and what came meanwhile is taken that much later.
    assert max(late) <= MAX_LATE_MS + 4 * picture_ms
    assert max(late[len(late) // 2 :]) <= max(late[: len(late) // 2])
