"""Bytes that a call sends, by kind; they add up to what crosses the wire."""

import itertools
from collections import Counter
from collections.abc import Sequence
from enum import Enum

from bcdcodec.call.chunks import Chunk, MotionChunk, Piece, pack_chunk
from bcdcodec.call.datagram import IP_UDP_BYTES


class Kind(Enum):
    """Kinds of bytes: chunks that are new or sent again, heads and ends of datagrams, and what IP and UDP add."""

    MOTION = "motion"
    MOTION_AGAIN = "motion again"
    SOUND = "sound"
    SOUND_AGAIN = "sound again"
    REFERENCES = "references"
    REPORTS = "reports"
    FRAMING = "framing"
    IP_UDP = "IP and UDP"


class Traffic:
    """Counts datagrams and their bytes."""

    def __init__(self) -> None:
        self._bytes: Counter[Kind] = Counter()
        #: Datagrams sent.
        self.datagrams = 0

    def add_media(self, datagram: bytes, chunks: Sequence[Chunk], again: Sequence[Chunk]) -> None:
        """Count a datagram with these chunks, in their order. again: those that were sent before."""
        body = 0
        for before, chunk in itertools.pairwise([None, *chunks]):
            assert chunk is not None, "only the first has none in front of it"
            size = len(pack_chunk(chunk, before))
            self._bytes[_kind(chunk, is_again=any(chunk is other for other in again))] += size
            body += size
        self._add(datagram, body)

    def add_report(self, datagram: bytes, body: bytes) -> None:
        """Count a report."""
        self._bytes[Kind.REPORTS] += len(body)
        self._add(datagram, len(body))

    def _add(self, datagram: bytes, body: int) -> None:
        self.datagrams += 1
        self._bytes[Kind.FRAMING] += len(datagram) - body
        self._bytes[Kind.IP_UDP] += IP_UDP_BYTES

    def of(self, *kinds: Kind) -> int:
        """Bytes of some kinds."""
        return sum(self._bytes[kind] for kind in kinds)

    @property
    def wire_bytes(self) -> int:
        """All bytes, headers of IP and UDP included."""
        return sum(self._bytes.values())

    def bits(self) -> dict[str, int]:
        """Bits by the name of their kind, those that there are."""
        return {kind.value: 8 * self._bytes[kind] for kind in Kind if self._bytes[kind]}


def _kind(chunk: Chunk, *, is_again: bool) -> Kind:
    if isinstance(chunk, Piece):
        return Kind.REFERENCES
    if isinstance(chunk, MotionChunk):
        return Kind.MOTION_AGAIN if is_again else Kind.MOTION
    return Kind.SOUND_AGAIN if is_again else Kind.SOUND
