"""Datagrams of a call: a head of 10 bytes, a body, and the end that an envelope puts behind it.

| bytes | field |
|---|---|
| 1 | magic and version (high four bits), kind (low four bits) |
| 4 | session, drawn at random for each call and direction of media |
| 3 | sequence, per session and direction; it never begins again |
| 2 | milliseconds of the sender's clock when it was sent, modulo 2^16 |
| n | body: chunks (chunks.py) or a report (feedback.py) |
| 2 or 16 | checksum, or the tag of a seal (seal.py) |

The session stays long, as whoever forges or seals must not meet one again; the sequence is one that a late joiner can
read without a past, which the nonce of a seal needs.
"""

import struct
from collections.abc import Collection
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from bcdcodec.bitstream.bits import crc32
from bcdcodec.errors import BitstreamError, ConfigError

#: Magic and version, in the high four bits.
MAGIC = 0xC0
#: Every path takes datagrams of this size without splitting them.
MAX_DATAGRAM_BYTES = 1200
#: Of IPv4 and UDP, in front of each datagram.
IP_UDP_BYTES = 28
MAX_UINT32 = 0xFFFF_FFFF
#: Datagrams of a session: those of eight days at 25 a second.
MAX_SEQUENCE = 0xFF_FFFF
#: Times of datagrams are modulo this.
CLOCK_MS = 1 << 16
_HEAD = struct.Struct(">BIBHH")
HEAD_BYTES = _HEAD.size


class DatagramKind(IntEnum):
    """Kinds of datagrams. Ids are never reused."""

    #: From the sender: pictures, motion, sound.
    MEDIA = 1
    #: From the receiver.
    REPORT = 2
    #: From the sender: nothing follows. The body is the tick after the last frame.
    BYE = 3


class Envelope(Protocol):
    """What protects a datagram: a checksum, or a seal.

    It sees the head of each datagram, so that a damaged head is found as well.
    """

    @property
    def end_bytes(self) -> int:
        """Bytes behind the body."""
        ...

    def close(self, head: bytes, body: bytes) -> bytes:
        """The body as it is sent, with its end."""
        ...

    def open(self, head: bytes, body: bytes) -> bytes:
        """The body again; BitstreamError for a damaged or forged datagram, or one that a seal has seen."""
        ...


class Checksum:
    """A CRC of two bytes. It finds damage, and no forgery."""

    end_bytes = 2

    def close(self, head: bytes, body: bytes) -> bytes:
        return body + self._sum(head + body)

    def open(self, head: bytes, body: bytes) -> bytes:
        body, found = body[: -self.end_bytes], body[-self.end_bytes :]
        if found != self._sum(head + body):
            raise BitstreamError(f"datagram is damaged: checksum {found.hex()}, its bytes give another")
        return body

    def _sum(self, data: bytes) -> bytes:
        return (crc32(data) & 0xFFFF).to_bytes(self.end_bytes, "big")


@dataclass(frozen=True, slots=True)
class Datagram:
    """An opened datagram. sent_ms: on the sender's clock, modulo CLOCK_MS."""

    kind: DatagramKind
    session: int
    sequence: int
    sent_ms: int
    body: bytes


def kind_of(data: bytes) -> int:
    """The kind that a datagram claims in its head, which is not sealed; 0 for bytes that are too short for one."""
    return data[0] & 0xF if len(data) >= HEAD_BYTES else 0


class DatagramWriter:
    """Makes the datagrams of one direction of a session, numbered from 0."""

    def __init__(self, session: int, envelope: Envelope) -> None:
        if not 0 <= session <= MAX_UINT32:
            raise ConfigError(f"session is {session}, allowed are 0 to {MAX_UINT32}")
        self.session, self._envelope = session, envelope
        #: Bytes around a body, and those that one may have.
        self.overhead_bytes = HEAD_BYTES + envelope.end_bytes
        self.room_bytes = MAX_DATAGRAM_BYTES - self.overhead_bytes
        #: Sequence number of the next datagram.
        self.next_sequence = 0

    def pack(self, kind: DatagramKind, body: bytes, *, sent_ms: int) -> bytes:
        """The bytes to send. ConfigError for a body that does not fit, and after 2^24 datagrams."""
        if len(body) > self.room_bytes:
            raise ConfigError(f"body of a datagram has {len(body)} bytes, allowed are {self.room_bytes}")
        if self.next_sequence > MAX_SEQUENCE:
            raise ConfigError(f"a session has at most {MAX_SEQUENCE + 1} datagrams; begin another one")
        high, low = divmod(self.next_sequence, 1 << 16)
        head = _HEAD.pack(MAGIC | kind, self.session, high, low, sent_ms % CLOCK_MS)
        self.next_sequence += 1
        return head + self._envelope.close(head, body)


class DatagramReader:
    """Opens datagrams. session: the one that is taken, None for that of the first valid one."""

    def __init__(self, envelope: Envelope, session: int | None = None) -> None:
        self._envelope = envelope
        self.session = session

    def unpack(self, data: bytes, kinds: Collection[DatagramKind]) -> Datagram:
        """Open a datagram of one of these kinds; BitstreamError for all other bytes."""
        least = HEAD_BYTES + self._envelope.end_bytes
        if not least <= len(data) <= MAX_DATAGRAM_BYTES:
            raise BitstreamError(f"datagram has {len(data)} bytes, allowed are {least} to {MAX_DATAGRAM_BYTES}")
        first, session, high, low, sent_ms = _HEAD.unpack(data[:HEAD_BYTES])
        kind = kind_of(data)
        if first - kind != MAGIC:
            raise BitstreamError(f"datagram begins with {first:#04x}, needs {MAGIC:#04x} and a kind")
        if kind not in kinds:
            raise BitstreamError(f"kind of datagram is {kind}, allowed are {', '.join(str(int(k)) for k in kinds)}")
        if self.session is not None and session != self.session:
            raise BitstreamError(f"datagram is of session {session:08x}, allowed is {self.session:08x}")
        body = self._envelope.open(data[:HEAD_BYTES], data[HEAD_BYTES:])
        self.session = session
        return Datagram(DatagramKind(kind), session, high << 16 | low, sent_ms, body)
