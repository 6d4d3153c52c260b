"""References of a stream for `bcd info`: when each was sent, what it took, and how many frames are made from it."""

from dataclasses import dataclass

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import ContentPart, MotionPayload, Packet
from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.bitstream.references import ReferenceTable


@dataclass(slots=True)
class ReferenceFacts:
    """A reference. shot: counted from 0; number: in its shot; tick: from which it is there; bits: with framing and
    parts; frames: made from it; drops: number of the one that it takes the place of, 0 for none.
    """

    shot: int
    number: int
    tick: int
    bits: int
    frames: int
    drops: int


class ReferenceCounter:
    """Counts packet by packet; `found` has all references so far."""

    def __init__(self, header: StreamHeader) -> None:
        first = ReferenceFacts(0, 0, 0, 8 * len(header.content.pack()), 0, 0)
        self.found = [first]
        self._shot = ReferenceTable(first)
        self._part_bits = 0

    def add(self, packet: Packet) -> None:
        """Count a packet. Frames whose reference was lost count for none."""
        record = packet.record()
        if isinstance(record, ContentPart):
            self._part_bits = 8 * packet.size + (self._part_bits if record.index else 0)
        elif isinstance(record, ContentRecord):
            shot = self.found[-1].shot + (not record.number)
            bits = 8 * packet.size + (self._part_bits if record.parts else 0)
            facts = ReferenceFacts(shot, record.number, packet.timestamp, bits, 0, record.drops)
            self._part_bits = 0
            self.found.append(facts)
            self._shot.add(record, facts)
        elif isinstance(record, MotionPayload):
            reference = self._shot.get(record.reference)
            if reference is not None:
                reference.frames += record.frames
