"""Several participants: each has its own pictures, whatever the others send."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bcdcodec.call import endpoint as endpoint_module
from bcdcodec.call.datagram import MAX_DATAGRAM_BYTES
from bcdcodec.call.endpoint import MAX_NAMES, Endpoint
from bcdcodec.call.feed import FileFeed
from bcdcodec.call.participants import Participants
from bcdcodec.call.playback import Playback
from bcdcodec.call.receiver import Receiver
from bcdcodec.call.sender import Sender
from bcdcodec.codec.decode.concealment import HoldConcealer
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.encode.encoder import Encoder
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.errors import ConfigError
from bcdcodec.frame import Frame

FRAMES, FRAME_MS, TOLERANCE = 8, 80.0, 1
NAMES = ("ann", "bob", "cat")
Sent = list[list[bytes]]
WARP = DecodeSettings(concealer=HoldConcealer(), sampling=SamplingConfig(steps=0, guidance=1.0))


@pytest.fixture(scope="module")
def model(tiny_weights: Path) -> CodecModel:
    return CodecModel.load(tiny_weights, device="cpu")


def pictures(seed: int) -> Iterator[Frame]:
    texture = np.kron(np.random.default_rng(seed).integers(0, 256, (12, 12, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    for index in range(FRAMES):
        yield Frame(pixels=np.ascontiguousarray(np.roll(texture, 3 * index, axis=1)), index=index)


@pytest.fixture(scope="module")
def sent(model: CodecModel) -> dict[str, Sent]:
    """Datagrams of each participant by frame."""
    found = {}
    for seed, name in enumerate(NAMES):
        sender = Sender(Encoder(model, EncodeSettings.live(bitrate=20_000)), bitrate=20_000, session=seed)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("bcdcodec.codec.window.follow_landmarks", lambda frame, before: None)
            found[name] = [sender.push_frame(one, FRAME_MS * one.index) for one in pictures(seed)]
    return found


def alone(model: CodecModel, data: Sent) -> list[Playback]:
    receiver, shown = Receiver(model, WARP), list[Playback]()
    for index in range(FRAMES + 4):
        for one in data[index] if index < FRAMES else []:
            receiver.receive(one, FRAME_MS * index)
        shown.append(receiver.poll(FRAME_MS * index + 50))
    return shown


def side_by_side(model: CodecModel, sent: dict[str, Sent]) -> dict[str, list[Playback]]:
    participants, shown = Participants(model, WARP), {name: list[Playback]() for name in sent}
    for index in range(FRAMES + 4):
        for name, data in sent.items():
            for one in data[index] if index < FRAMES else []:
                participants.receive(name, one, FRAME_MS * index)
        for name, playback in participants.poll(FRAME_MS * index + 50).items():
            shown[name].append(playback)
    return shown


def assert_same(found: list[Playback], expected: list[Playback], tolerance: int) -> None:
    shown, wanted = ([one for playback in some for one in playback.frames] for some in (found, expected))
    assert len(wanted) >= FRAMES
    assert [(one.index, one.shown) for one in shown] == [(one.index, one.shown) for one in wanted]
    for one, other in zip(shown, wanted, strict=True):
        assert np.abs(one.pixels.astype(int) - other.pixels).max() <= tolerance


def test_each_is_shown_as_alone(model: CodecModel, sent: dict[str, Sent]) -> None:
    for name, found in side_by_side(model, sent).items():
        assert_same(found, alone(model, sent[name]), TOLERANCE)


def test_lost_datagrams_of_one_change_nothing_of_the_others(model: CodecModel, sent: dict[str, Sent]) -> None:
    holes = [[] if 3 <= index < 6 else data for index, data in enumerate(sent["bob"])]
    shown = side_by_side(model, sent | {"bob": holes})
    assert_same(shown["bob"], alone(model, holes), TOLERANCE)
    assert_same(shown["cat"], alone(model, sent["cat"]), TOLERANCE)


def test_one_cannot_send_for_another(model: CodecModel, sent: dict[str, Sent]) -> None:
    """Bob sends all of Ann's datagrams, ahead of hers: they are shown as his."""
    participants = Participants(model, WARP)
    for data in sent["cat"][0]:
        participants.receive("bob", data, 0)
    for data in sent["ann"][0]:
        participants.receive("ann", data, 0)
        participants.receive("bob", data, 0)
    assert participants.receivers["ann"].refused == 0
    assert participants.receivers["bob"].refused == len(sent["ann"][0])
    assert_same(side_by_side(model, sent | {"bob": sent["ann"]})["ann"], alone(model, sent["ann"]), TOLERANCE)


def test_receivers_work_in_threads(model: CodecModel, sent: dict[str, Sent]) -> None:
    with ThreadPoolExecutor(3) as pool:
        shown = list(pool.map(lambda name: alone(model, sent[name]), NAMES))
    for name, found in zip(NAMES, shown, strict=True):
        assert_same(found, alone(model, sent[name]), 0)


def test_names_are_bounded_and_leave_room(model: CodecModel, sent: dict[str, Sent]) -> None:
    participants = Participants(model, WARP, most=2)
    for name in NAMES:
        for data in sent[name][0]:
            participants.receive(name, data, 0)
    assert set(participants.receivers) == {"ann", "bob"}
    assert participants.refused == len(sent["cat"][0])
    assert set(participants.reports(1)) == {"ann", "bob"}
    participants.leave("ann")
    participants.leave("nobody")
    participants.receive("cat", sent["cat"][0][0], 0)
    assert set(participants.receivers) == {"bob", "cat"}
    with pytest.raises(ConfigError, match="most is 0 participants"):
        Participants(model, most=0)


def test_a_stream_of_other_weights_is_a_problem_of_its_sender(
    model: CodecModel, sent: dict[str, Sent], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise ConfigError("the stream needs other weights")

    participants = Participants(model, WARP)
    with monkeypatch.context() as patch:
        patch.setattr("bcdcodec.call.receiver.Painter", refuse)
        for data in sent["bob"][0]:
            participants.receive("bob", data, 0)
    for data in sent["ann"][0]:
        participants.receive("ann", data, 0)
    assert participants.problems == {"bob": "the stream needs other weights"}
    assert participants.receivers["ann"].frame_rate == Fraction(25, 2)
    participants.poll(100)
    participants.leave("bob")
    assert participants.problems == {}


class Clock:
    """A clock of an endpoint that is set by hand."""

    def __init__(self) -> None:
        self.now_ms = 0.0

    def __call__(self) -> float:
        return self.now_ms


def test_two_endpoints_hold_a_call(model: CodecModel, talking_clip: Path) -> None:
    clock, encoder = Clock(), Encoder(model, EncodeSettings.live(bitrate=20_000))
    sender = Sender(encoder, bitrate=20_000)
    with FileFeed(talking_clip, encoder.frame_rate, sound_bitrate=6000, frame_ms=20) as feed:
        ann = Endpoint(Participants(model, WARP), sender, feed, clock_ms=clock)
        bob = Endpoint(Participants(model, WARP), clock_ms=clock)
        references, shown = 0, 0
        while not ann.has_sent_all:
            out = ann.step()
            references += len(out.references)
            for data in [*out.references, *out.media]:
                bob.put("ann", data)
            back = bob.step()
            shown += len(back.shown["ann"].frames) if back.shown else 0
            for data in back.reports.get("ann", []):
                ann.put("bob", data)
            clock.now_ms += 10
            assert clock.now_ms < 10_000
    assert shown >= 20
    assert 0 < references < sender.traffic.datagrams / 2
    assert bob.has_sent_all
    assert sender.report is not None


def test_the_inbox_is_bounded(model: CodecModel, sent: dict[str, Sent], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_module, "MAX_WAITING", 4)
    taken: list[tuple[str, bytes]] = []
    participants = Participants(model, WARP)
    monkeypatch.setattr(participants, "receive", lambda name, data, now_ms: taken.append((name, data)))
    end = Endpoint(participants, clock_ms=Clock())
    end.put("ann", bytes(MAX_DATAGRAM_BYTES + 1))
    for index in range(9):
        end.put("bob", bytes([index]))
    for index in range(2 * MAX_NAMES):
        end.put(f"crowd {index}", b"data")
    end.put("bob", bytes([9]))
    end.leave("crowd 0")
    end.step()
    assert [data[0] for name, data in taken if name == "bob"] == [6, 7, 8, 9]
    assert len({name for name, _ in taken}) == MAX_NAMES - 1
    taken.clear()
    end.step()
    assert taken == []
