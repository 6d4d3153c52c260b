"""Datagrams of a sender: media, and what there is room for beside them.

motion, sound -> datagram <- copies of media before (redundancy.py), pieces of pictures (references.py)
budget.py -> room of each
"""

from collections import deque

from bcdcodec.call.budget import WireBudget, WirePlan
from bcdcodec.call.chunks import Chunk, MotionChunk, pack_chunk, pack_chunks
from bcdcodec.call.datagram import IP_UDP_BYTES, DatagramKind, DatagramWriter
from bcdcodec.call.redundancy import Repeater
from bcdcodec.call.references import ReferenceOutbox
from bcdcodec.call.traffic import Traffic
from bcdcodec.errors import ConfigError

#: Datagrams with pictures that are told apart from others after they were returned.
RECENT_REFERENCES = 64


class DatagramComposer:
    """Puts media, copies and pieces into as few datagrams as they need. wire: as of `Sender`."""

    def __init__(self, writer: DatagramWriter, wire: WirePlan | None) -> None:
        self._writer = writer
        self.budget = None if wire is None else WireBudget(wire)
        self.repeater, self.traffic = Repeater(), Traffic()
        self._with_pieces: deque[bytes] = deque(maxlen=RECENT_REFERENCES)
        #: When the last datagram with media or pieces left.
        self.media_ms = 0.0

    def set_plan(self, wire: WirePlan) -> None:
        """Go on with another plan of the wire."""
        self.budget = WireBudget(wire, after=self.budget)

    def has_pieces(self, data: bytes) -> bool:
        """Whether a datagram that was just returned carries a part of a picture."""
        return data in self._with_pieces

    def compose(
        self, media: list[Chunk], outbox: ReferenceOutbox | None, now_ms: float, *, sent_ms: int, again_ms: float
    ) -> list[bytes]:
        """Datagrams of media, of copies and of the pieces that are due. ConfigError for motion that fits into none.

        sent_ms: the time that they name; again_ms: after which a piece that was not acknowledged is due again.
        """
        out: list[bytes] = []
        while chosen := self._fitting(media):
            media = [chunk for chunk in media if not any(chunk is other for other in chosen)]
            out.append(self._compose_one(chosen, outbox, now_ms, sent_ms=sent_ms, again_ms=again_ms))
        while data := self._compose_one([], outbox, now_ms, sent_ms=sent_ms, again_ms=again_ms):
            out.append(data)
        return out

    def pack(
        self, kind: DatagramKind, body: bytes, chunks: list[Chunk], again: list[Chunk], now_ms: float, *, sent_ms: int
    ) -> bytes:
        """One datagram, counted and paid for. again: those of the chunks that are copies."""
        data = self._writer.pack(kind, body, sent_ms=sent_ms)
        self.traffic.add_media(data, chunks, again)
        if self.budget is not None:
            self.budget.spend(len(data) + IP_UDP_BYTES, now_ms)
        return data

    def _fitting(self, media: list[Chunk]) -> list[Chunk]:
        """Those of the media that fit into one datagram."""
        room_bytes, chosen = self._writer.room_bytes, list[Chunk]()
        for chunk in media:
            size = len(pack_chunk(chunk))
            if size <= room_bytes:
                chosen.append(chunk)
                room_bytes -= size
        if media and not chosen:
            most = len(pack_chunk(media[0]))
            raise ConfigError(f"{most} bytes of motion in a packet, a datagram has {self._writer.room_bytes}")
        return chosen

    def _compose_one(
        self, media: list[Chunk], outbox: ReferenceOutbox | None, now_ms: float, *, sent_ms: int, again_ms: float
    ) -> bytes:
        """A datagram of media, and of what there is room for beside them; none without either.

        What is not new follows what is: motion again, pieces, sound again; but pieces of the header come first.
        """
        around = self._writer.overhead_bytes + IP_UDP_BYTES
        size = len(pack_chunks(media))
        room = self._writer.room_bytes - size
        if self.budget is not None:
            room = min(room, self.budget.room_bytes(now_ms) - around - size)
        is_first = outbox is not None and outbox.lacks_header(now_ms, again_ms=again_ms)
        last = next((chunk for chunk in reversed(media) if isinstance(chunk, MotionChunk)), None)
        copies = self.repeater.motion(room, last) if media and not is_first else []
        room -= len(pack_chunks([last, *copies])) - len(pack_chunk(last)) if last else len(pack_chunks(copies))
        pieces = [] if outbox is None else outbox.due(now_ms, again_ms=again_ms, room_bytes=room)
        room -= len(pack_chunks(pieces))
        again = [*copies, *(self.repeater.sound(room) if media else [])]
        self.repeater.remember(media)
        if not media and not pieces:
            return b""
        self.media_ms = now_ms
        # Motion in front of its copies, whose numbers follow from its.
        order = sorted([*media, *pieces, *again], key=lambda chunk: not isinstance(chunk, MotionChunk))
        data = self.pack(DatagramKind.MEDIA, pack_chunks(order), order, again, now_ms, sent_ms=sent_ms)
        if pieces:
            self._with_pieces.append(data)
        return data
