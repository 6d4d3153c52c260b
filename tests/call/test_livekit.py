"""Calls in LiveKit rooms: what goes which way, what is refused, and decoded tracks of the package itself."""

import asyncio
import inspect
from typing import Any

import numpy as np
import pytest
from call_kit import ScriptedEncoder, frame, sound
from livekit_kit import DataPacket, FakeParticipant, FakeRoom, Person, Server

from bcdcodec.call.audio import PlayedSound
from bcdcodec.call.datagram import MAX_DATAGRAM_BYTES
from bcdcodec.call.endpoint import Endpoint, Outgoing
from bcdcodec.call.playback import Playback, PlayedFrame, Shown
from bcdcodec.call.sender import Sender

rtc = pytest.importorskip("livekit.rtc")
from bcdcodec.call.livekit import TOPIC, DecodedTracks, LiveKitLink  # noqa: E402


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(FakeRoom, "server", Server())
    return FakeRoom.server


class Inbox:
    """An endpoint that keeps what it is given."""

    def __init__(self) -> None:
        self.taken, self.gone = list[tuple[str, bytes]](), list[str]()

    def put(self, name: str, data: bytes) -> None:
        self.taken.append((name, data))

    def leave(self, name: str) -> None:
        self.gone.append(name)


async def joined(name: str) -> tuple[Any, Inbox]:
    room, inbox = FakeRoom(), Inbox()
    await room.connect("wss://nowhere", name)
    return room, inbox


def outgoing(**parts: Any) -> Outgoing:
    return Outgoing(**{"media": [], "references": [], "reports": {}, "shown": {}} | parts)


@pytest.mark.parametrize(
    ("fake", "real", "method"),
    [
        (FakeParticipant, rtc.LocalParticipant, "publish_data"),
        (FakeParticipant, rtc.LocalParticipant, "publish_track"),
        (FakeRoom, rtc.Room, "connect"),
        (FakeRoom, rtc.Room, "disconnect"),
        (FakeRoom, rtc.Room, "on"),
        (FakeRoom, rtc.Room, "off"),
        (FakeRoom, rtc.Room, "__init__"),
    ],
)
def test_the_stand_in_has_the_signatures_of_the_package(fake: type, real: type, method: str) -> None:
    found, expected = (inspect.signature(getattr(kind, method)).parameters for kind in (fake, real))
    assert [(one.name, one.kind) for one in found.values()] == [(one.name, one.kind) for one in expected.values()]
    for name, parameter in found.items():
        has_default = parameter.default is not inspect.Parameter.empty
        assert has_default == (expected[name].default is not inspect.Parameter.empty)
        if isinstance(parameter.default, bool | str | list):
            assert parameter.default == expected[name].default


def test_the_packets_of_the_stand_in_are_those_of_the_package() -> None:
    fields = inspect.signature(rtc.DataPacket).parameters
    assert list(inspect.signature(DataPacket).parameters) == list(fields)


def test_pictures_are_reliable_and_motion_is_not(server: Server) -> None:
    async def call() -> None:
        (ann, inbox), (_, others) = await joined("ann"), await joined("bob")
        with LiveKitLink(server.rooms["bob"], others), LiveKitLink(ann, inbox) as link:  # type: ignore[arg-type]
            out = outgoing(media=[b"motion"], references=[b"picture"], reports={"bob": [b"report"]})
            await link.send(out)
        assert others.taken == [("ann", b"picture"), ("ann", b"motion"), ("ann", b"report")]

    asyncio.run(call())
    assert server.packets == [
        ("ann", b"picture", True, ()),
        ("ann", b"motion", False, ()),
        ("ann", b"report", False, ("bob",)),
    ]


def test_a_sender_says_which_datagrams_have_pictures() -> None:
    sender = Sender(ScriptedEncoder(), bitrate=4000, session=7)  # type: ignore[arg-type]
    first = sender.push_frame(frame(0), 0)
    later = sender.push_sound([sound(0)], 80) + sender.push_frame(frame(1), 80)
    assert [sender.has_reference(data) for data in first] == [True] * len(first)
    assert later
    assert not any(sender.has_reference(data) for data in later)


def test_other_packets_are_left_alone() -> None:
    async def call() -> None:
        room, inbox = await joined("ann")
        with LiveKitLink(room, inbox):  # type: ignore[arg-type]
            for topic, person in (("chat", Person("bob")), (None, Person("bob")), (TOPIC, None)):
                room.emit("data_received", DataPacket(b"data", 1, person, topic))
            assert inbox.taken == []
            room.emit("data_received", DataPacket(b"data", 1, Person("bob"), TOPIC))
            room.emit("participant_disconnected", Person("bob"))
        room.emit("data_received", DataPacket(b"late", 1, Person("bob"), TOPIC))
        assert inbox.taken == [("bob", b"data")]
        assert inbox.gone == ["bob"]

    asyncio.run(call())


def test_what_the_room_does_not_take_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*args: object, **named: object) -> None:
        raise rtc.participant.PublishDataError("the engine is closed")

    async def call() -> None:
        room, inbox = await joined("ann")
        monkeypatch.setattr(FakeParticipant, "publish_data", refuse)
        with LiveKitLink(room, inbox) as link:  # type: ignore[arg-type]
            await link.send(outgoing(media=[bytes(MAX_DATAGRAM_BYTES)]))

    asyncio.run(call())


def test_decoded_pictures_and_sound_are_tracks_of_the_package() -> None:
    pixels = np.full((64, 64, 3), 90, np.uint8)
    pixels[:, :32] = 200, 10, 10

    async def call() -> np.ndarray:
        tracks = DecodedTracks("bob", 64)
        stream = rtc.VideoStream(tracks.video)
        played = PlayedSound(0, np.zeros((1, 960), np.float32), False)
        received = asyncio.create_task(anext(stream))
        async with asyncio.timeout(60):
            for index in range(1000):
                await tracks.show(Playback([PlayedFrame(pixels, index, Shown.DECODED)], [played]))
                if (await asyncio.wait([received], timeout=0.02))[0]:
                    break
            shown = (await received).frame.convert(rtc.VideoBufferType.RGB24)
        await stream.aclose()
        await tracks.close()
        return np.frombuffer(shown.data, np.uint8).reshape(64, 64, 3)

    found = asyncio.run(call())
    assert np.abs(found[32, 16].astype(int) - (200, 10, 10)).max() <= 4
    assert np.abs(found[32, 48].astype(int) - 90).max() <= 4


def test_an_endpoint_can_be_linked() -> None:
    """The stand-in of this file takes what an endpoint takes."""
    for method in ("put", "leave"):
        assert inspect.signature(getattr(Inbox, method)) == inspect.signature(getattr(Endpoint, method))
