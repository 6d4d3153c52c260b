"""A LiveKit room without a server: the methods that calls use, with the signatures of the package."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, List, Union  # noqa: UP035  (the words of the package's signatures)


@dataclass
class Person:
    """What an event says of a participant."""

    identity: str


@dataclass
class DataPacket:
    """A packet as the event `data_received` has it."""

    data: bytes
    kind: int
    participant: Person | None
    topic: str | None = None


@dataclass
class Server:
    """Rooms that are connected, by identity. Each packet reaches the others, but a lossy one that `loses` says."""

    rooms: dict[str, "FakeRoom"] = field(default_factory=dict)
    loses: Callable[[bytes], bool] = lambda data: False
    #: Every packet: who sent it, its bytes, whether reliably, for whom.
    packets: list[tuple[str, bytes, bool, tuple[str, ...]]] = field(default_factory=list)

    def carry(self, sender: str, data: bytes, *, reliable: bool, to: list[str], topic: str) -> None:
        self.packets.append((sender, data, reliable, tuple(to)))
        if not reliable and self.loses(data):
            return
        for identity, room in self.rooms.items():
            if identity != sender and (not to or identity in to):
                room.emit("data_received", DataPacket(data, int(not reliable), Person(sender), topic))


class FakeParticipant:
    """The local participant of a room."""

    def __init__(self, room: "FakeRoom", identity: str) -> None:
        self._room, self.identity = room, identity
        self.tracks: list[Any] = []

    async def publish_data(
        self,
        payload: Union[bytes, str],  # noqa: UP007
        *,
        reliable: bool = True,
        destination_identities: List[str] = [],  # noqa: B006, UP006
        topic: str = "",
    ) -> None:
        assert isinstance(payload, bytes)
        await asyncio.sleep(0)
        self._room.server.carry(self.identity, payload, reliable=reliable, to=destination_identities, topic=topic)

    async def publish_track(self, track: Any, options: Any = None) -> None:
        self.tracks.append(track)


class FakeRoom:
    """A room of a server of this process; its `token` is the identity."""

    server = Server()

    def __init__(self, loop: Any = None) -> None:
        self._handlers: dict[str, list[Callable[..., object]]] = {}
        self.local_participant: FakeParticipant

    def on(self, event: str, callback: Callable[..., object] | None = None) -> Callable[..., object]:
        assert callback is not None
        self._handlers.setdefault(event, []).append(callback)
        return callback

    def off(self, event: str, callback: Callable[..., object]) -> None:
        self._handlers[event].remove(callback)

    def emit(self, event: str, *args: Any) -> None:
        for handler in list(self._handlers.get(event, [])):
            handler(*args)

    async def connect(self, url: str, token: str, options: Any = None) -> None:
        self.local_participant = FakeParticipant(self, token)
        self.server.rooms[token] = self

    async def disconnect(self, *, reason: Any = None) -> None:
        me = self.local_participant.identity
        del self.server.rooms[me]
        for room in self.server.rooms.values():
            room.emit("participant_disconnected", Person(me))
