"""Pictures on their way: what makes sure that they arrive, while motion and sound may get lost.

sender: header, CONTENT_PART, CONTENT -> pieces with ordinals -> sent again until a report says that they came
receiver: pieces in any order -> whole references by name -> the one that each motion chunk names

The header of the stream is the first reference, 0. Motion names its reference by a name that no other has, so that a
picture that is missing is never taken for another one, and a late joiner needs no more than what is still in use.
"""

import dataclasses
from dataclasses import dataclass

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import MAX_PAYLOAD_BYTES, ContentPart
from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.bitstream.references import ReferenceTable
from bcdcodec.call.chunks import MAX_PIECES, Piece, pack_chunk
from bcdcodec.call.window import SequenceWindow
from bcdcodec.errors import BitstreamError, ConfigError

#: Size of a piece: with the largest head of a chunk it fits into a datagram of its own.
PIECE_BYTES = 1000
#: Pieces below the highest one that a report tells of.
REPORTED_PIECES = 64
#: References that a receiver keeps, whole or not, the header included, and how many bytes of all of them.
MAX_KEPT, MAX_KEPT_BYTES = 32, 4 << 20
HEADER = 0
#: An interval between two sendings of a piece grows by this factor, up to a factor in all, until a report comes.
BACKOFF, MAX_BACKOFF = 1.5, 8.0


@dataclass(slots=True)
class _Stored:
    """A piece that is kept. sent_ms: the last time, None before the first; backoff: of the next interval."""

    piece: Piece
    sent_ms: float | None = None
    has_come: bool = False
    backoff: float = 1.0


class ReferenceOutbox:
    """Pieces of the references in use, which the sender has. piece_bytes: size of one, up to PIECE_BYTES."""

    def __init__(self, header: StreamHeader, *, piece_bytes: int = PIECE_BYTES) -> None:
        self._piece_bytes = piece_bytes
        self._stored: list[_Stored] = []
        self._next = 0
        self._open: list[bytes] = []  # data of the reference that is not finished yet
        self._first: int | None = None  # its name
        self._table = ReferenceTable(HEADER)
        self._put(header.pack(), is_last=True)

    def add_part(self, part: ContentPart) -> None:
        """Send a part of a reference ahead."""
        if not part.index:
            self._give_up()
        self._put(part.data)

    def add_content(self, record: ContentRecord) -> None:
        """Send the end of a reference, or all of it."""
        if not record.parts:
            self._give_up()
        head = dataclasses.replace(record, data=b"", parts=0).pack()
        name = self._next if self._first is None else self._first
        self._put(record.data + head + bytes([len(head)]), is_last=True)
        self._table.add(record, name)
        kept = {HEADER, *(kept for number in self._table.numbers if (kept := self._table.get(number)) is not None)}
        self._stored = [stored for stored in self._stored if stored.piece.source in kept]

    def source(self, number: int) -> int:
        """Name of the reference of a number in the shot. ConfigError where there is none."""
        name = self._table.get(number)
        if name is None:
            raise ConfigError(f"motion names reference {number}, the encoder sent {sorted(self._table.numbers)}")
        return name

    def has_due(self, now_ms: float, *, again_ms: float) -> bool:
        """Whether `due` gives any."""
        return any(self._is_due(stored, now_ms, again_ms) for stored in self._stored)

    def has(self, number: int) -> bool:
        """Whether the receiver is known to have the reference of a number in the shot."""
        name = self._table.get(number)
        return name is not None and all(stored.has_come for stored in self._stored if stored.piece.source == name)

    def lacks_header(self, now_ms: float, *, again_ms: float) -> bool:
        """Whether a piece of the header is due."""
        return any(stored.piece.source == HEADER and self._is_due(stored, now_ms, again_ms) for stored in self._stored)

    def due(self, now_ms: float, *, again_ms: float, room_bytes: int) -> list[Piece]:
        """Pieces to send now, as many as there is room for: those that were never sent, and those without an answer for
        some time; they count as sent.
        """
        due: list[_Stored] = []
        for stored in self._stored:
            if not self._is_due(stored, now_ms, again_ms):
                continue
            room_bytes -= len(pack_chunk(stored.piece))
            if room_bytes < 0:
                break
            due.append(stored)
        for stored in due:
            if stored.sent_ms is not None:
                stored.backoff = min(stored.backoff * BACKOFF, MAX_BACKOFF)
            stored.sent_ms = now_ms
        return [stored.piece for stored in due]

    def acknowledge(self, highest: int, mask: int, *, has_header: bool, passed_ms: float) -> None:
        """Take what a receiver has: the piece `highest - i` for each bit i. Without the header it has only begun.

        passed_ms: what was sent up to this time came or is lost, and due again; what came later may be on its way.
        """
        for stored in self._stored:
            back = highest - stored.piece.ordinal
            came = 0 <= back < REPORTED_PIECES and bool(mask >> back & 1)
            if has_header and stored.piece.source == HEADER:
                came = True
            stored.has_come = came or (stored.has_come and has_header)
            if not stored.has_come:
                stored.backoff = 1.0  # somebody is there
                if stored.sent_ms is not None and stored.sent_ms <= passed_ms:
                    stored.sent_ms = None

    @property
    def waiting(self) -> int:
        """Pieces that no report has told of."""
        return sum(not stored.has_come for stored in self._stored)

    def _is_due(self, stored: _Stored, now_ms: float, again_ms: float) -> bool:
        if stored.has_come:
            return False
        return stored.sent_ms is None or now_ms - stored.sent_ms >= again_ms * stored.backoff

    def _give_up(self) -> None:
        """Forget a reference that is not finished."""
        if self._first is not None:
            self._stored = [stored for stored in self._stored if stored.piece.source != self._first]
        self._first = None

    def _put(self, data: bytes, *, is_last: bool = False) -> None:
        if self._first is None:
            self._first = self._next
        cuts = range(0, max(1, len(data)), self._piece_bytes)
        for start in cuts:
            end = is_last and start == cuts[-1]
            piece = Piece(self._next, self._next - self._first, data[start : start + self._piece_bytes], end)
            self._stored.append(_Stored(piece))
            self._next += 1
        if is_last:
            self._first = None


class _Incoming:
    """A reference of which pieces came."""

    def __init__(self) -> None:
        self.pieces: dict[int, bytes] = {}
        self.last: int | None = None
        self.size = 0

    def add(self, piece: Piece) -> None:
        if piece.is_last:
            self.last = piece.index
        self.size += len(piece.data) - len(self.pieces.get(piece.index, b""))
        self.pieces[piece.index] = piece.data

    @property
    def whole(self) -> bytes | None:
        """All data, once they are there."""
        if self.last is None or any(index not in self.pieces for index in range(self.last + 1)):
            return None
        return b"".join(self.pieces[index] for index in range(self.last + 1))


class ReferenceInbox:
    """References of which pieces came. Memory is bounded: the oldest are dropped, the header is not."""

    def __init__(self) -> None:
        self._incoming: dict[int, _Incoming] = {}
        self._whole: dict[int, ContentRecord] = {}
        self._window = SequenceWindow()
        #: The header of the stream, once it came.
        self.header: StreamHeader | None = None

    @property
    def highest(self) -> int:
        """Ordinal of the highest piece, -1 before the first."""
        return self._window.highest

    @property
    def mask(self) -> int:
        """Which pieces came: bit i stands for `highest - i`."""
        return self._window.mask(REPORTED_PIECES)

    def add(self, piece: Piece) -> bool:
        """Take a piece; False for one that came before. BitstreamError where a whole reference is malformed."""
        name = piece.source
        if name in self._whole or not self._window.is_new(piece.ordinal):
            return False
        incoming = self._incoming.setdefault(name, _Incoming())
        if incoming.size + len(piece.data) > MAX_PAYLOAD_BYTES or piece.index >= MAX_PIECES:
            raise BitstreamError(f"reference {name} has more than {MAX_PAYLOAD_BYTES} bytes")
        incoming.add(piece)
        self._window.add(piece.ordinal)
        data = incoming.whole
        if data is not None:
            del self._incoming[name]
            self._finish(name, data)
        self._make_room()
        return True

    def record(self, source: int) -> ContentRecord | None:
        """A whole reference; None where it did not come."""
        return self._whole.get(source)

    def _finish(self, name: int, data: bytes) -> None:
        if name == HEADER:
            self.header = StreamHeader.unpack(data)
            self._whole[HEADER] = self.header.content
            return
        size = data[-1] if data else 0
        if size >= len(data):
            raise BitstreamError(f"reference {name} has {len(data)} bytes, of which {size} are its head")
        record = ContentRecord.unpack(data[-1 - size : -1])
        self._whole[name] = dataclasses.replace(record, data=data[: -1 - size])

    def _make_room(self) -> None:
        while (self._incoming and len(self._incoming) + len(self._whole) > MAX_KEPT) or self._bytes > MAX_KEPT_BYTES:
            names = sorted({*self._incoming, *self._whole} - {HEADER})
            if not names:
                return
            self._incoming.pop(names[0], None)
            self._whole.pop(names[0], None)
        while len(self._whole) > MAX_KEPT:
            del self._whole[min(name for name in self._whole if name != HEADER)]

    @property
    def _bytes(self) -> int:
        whole = sum(len(record.data) for record in self._whole.values())
        return whole + sum(incoming.size for incoming in self._incoming.values())
