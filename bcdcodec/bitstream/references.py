"""References of a stream: the ones that a shot has, their parts that are sent ahead (spec section 5.5), and where in a
file they start.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Set
from typing import Generic, TypeVar

from bcdcodec.bitstream.packet import MAX_PAYLOAD_BYTES, ContentPart, MotionPayload, Packet, PayloadRecord
from bcdcodec.bitstream.records import MAX_REFERENCES, ContentRecord
from bcdcodec.errors import BitstreamError

T = TypeVar("T")


class ReferenceTable(Generic[T]):
    """Values of the references that the current shot has, by their numbers, as content records come in order.

    At most MAX_REFERENCES are kept, also where the record that drops one is missing: then the oldest added one goes.
    """

    def __init__(self, first: T) -> None:
        self._kept: dict[int, T] = {0: first}

    @property
    def numbers(self) -> Set[int]:
        """Numbers of the references that the shot has."""
        return self._kept.keys()

    def get(self, number: int) -> T | None:
        """The value of a reference; None where the shot has none of this number."""
        return self._kept.get(number)

    def clear(self) -> None:
        """Forget all of them: what the shot has is not known any more."""
        self._kept = {}

    def add(self, record: ContentRecord, value: T) -> None:
        """Begin a shot, or add a reference to it and drop what it takes the place of."""
        if not record.number:
            self._kept = {0: value}
            return
        if record.drops:
            self._kept.pop(record.drops, None)
        self._kept[record.number] = value
        if len(self._kept) > MAX_REFERENCES:
            del self._kept[min(number for number in self._kept if number)]


class ReferenceSender:
    """References of the current shot as they are written, of which some that their source keeps may be left out."""

    def __init__(self) -> None:
        self._kept, self._written = ReferenceTable[None](None), ReferenceTable[None](None)

    @property
    def written(self) -> Set[int]:
        """Numbers of the references that readers have."""
        return self._written.numbers

    @property
    def kept(self) -> Set[int]:
        """Numbers of the references that the source has."""
        return self._kept.numbers

    def keep(self, record: ContentRecord) -> None:
        """The source begins a shot, or adds a reference to it and drops another."""
        self._kept.add(record, None)

    def write(self, record: ContentRecord) -> ContentRecord:
        """The record to write: it drops one that the source does not keep any more, whichever readers still have."""
        if record.number:
            stale = (number for number in self.written if number not in self.kept)
            record = dataclasses.replace(record, drops=min(stale, default=0))
        self._written.add(record, None)
        return record


def check_content_bytes(size: int) -> None:
    """Refuse a content whose parts are more than MAX_PAYLOAD_BYTES together; BitstreamError."""
    if size > MAX_PAYLOAD_BYTES:
        raise BitstreamError(f"content in parts has {size} bytes, limit {MAX_PAYLOAD_BYTES}")


class ContentAssembler:
    """Collects the parts of one content until its CONTENT packet.

    tolerate_loss: parts may be missing, which only the CONTENT packet shows. `lost` is then the number of packets that
    were missing so far.
    """

    def __init__(self, *, tolerate_loss: bool = False) -> None:
        self._data = bytearray()
        self._tolerate_loss = tolerate_loss
        self._lost = 0  # up to the last part, those known to be motion left out
        self._is_broken = self._is_doubtful = False
        #: Parts collected.
        self.parts = 0

    def add(self, part: ContentPart, *, lost: int = 0) -> None:
        """Add a part; part 0 discards the ones before. BitstreamError for a part out of order or too much data."""
        if part.index == 0:
            self._data.clear()
            self._reset()
        if self._tolerate_loss:
            self._is_doubtful |= self._may_be_others(part.index, lost)
            self._is_broken |= part.index != self.parts
            if self._is_broken:
                return
            self._lost = lost
        if part.index != self.parts:
            raise BitstreamError(f"content part {part.index} follows {self.parts} parts")
        check_content_bytes(len(self._data) + len(part.data))
        self._data += part.data
        self.parts += 1

    def has_parts(self, record: ContentRecord, *, lost: int = 0) -> bool:
        """Whether all parts of a record are there, and are its own."""
        is_whole = record.parts == self.parts and not self._is_broken
        return not record.parts or (is_whole and not (self._is_doubtful or self._may_be_others(record.parts, lost)))

    def settle(self, lost: int, *, motion_packets: int) -> None:
        """Take note that so many of the packets lost since the last call were MOTION packets, 0 where that is not
        known: then parts that may be others' are.
        """
        self._lost = min(lost, self._lost + motion_packets)
        self._is_broken |= self._is_doubtful and not motion_packets
        self._is_doubtful = False

    def _reset(self) -> None:
        self.parts, self._is_broken, self._is_doubtful = 0, False, False

    def _may_be_others(self, index: int, lost: int) -> bool:
        """Whether the parts before this index may be those of another content, given up since: as many were lost."""
        return 0 < index <= lost - self._lost

    def assemble(self, record: ContentRecord) -> ContentRecord:
        """The record with the data of its parts joined, `parts` 0; BitstreamError where parts are missing."""
        data, count = bytes(self._data), self.parts
        self._data.clear()
        self._reset()
        if not record.parts:
            return record
        if record.parts != count:
            raise BitstreamError(f"content is in {record.parts} parts and an end, {count} came")
        check_content_bytes(len(data) + len(record.data))
        return dataclasses.replace(record, data=data + record.data, parts=0)


def read_motion(packets: Iterable[Packet], first: ContentRecord) -> Iterator[tuple[int, MotionPayload, ContentRecord]]:
    """MOTION packets of a stream: tick, payload, and the reference of its frames, whole. first: that of the header.

    Raises BitstreamError.
    """
    assembler, references = ContentAssembler(), ReferenceTable(first)
    for packet in packets:
        record = packet.record()
        if isinstance(record, ContentPart):
            assembler.add(record)
        elif isinstance(record, ContentRecord):
            whole = assembler.assemble(record)
            references.add(whole, whole)
        elif isinstance(record, MotionPayload):
            content = references.get(record.reference)
            if content is None:
                raise BitstreamError(f"packet {packet.sequence} names reference {record.reference}, which never came")
            yield packet.timestamp, record, content


class ContentLocator:
    """Tracks, packet by packet, where the references that a key packet needs start (SeekPoint.content_offset)."""

    def __init__(self) -> None:
        self._current: int | None = None
        self._upcoming: int | None = None

    @property
    def offset(self) -> int | None:
        """File offset of the first of them; None where the header's content is enough."""
        return self._upcoming if self._current is None else self._current

    def observe(self, record: PayloadRecord | None, offset: int) -> None:
        """Take note of a packet by its payload and its file offset."""
        if isinstance(record, ContentPart) and record.index == 0:
            self._upcoming = offset
        elif isinstance(record, ContentRecord):
            if not record.number or self._current is None:
                self._current = self._upcoming if record.parts else offset
            self._upcoming = None
