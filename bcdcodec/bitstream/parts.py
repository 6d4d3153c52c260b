"""Reassembly of content that is sent ahead in parts (spec section 5.5), and its location in a file."""

import dataclasses

from bcdcodec.bitstream.packet import MAX_PAYLOAD_BYTES, ContentPart, PayloadRecord
from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.errors import BitstreamError


class ContentAssembler:
    """Collects the parts of one content until its CONTENT packet. parts: number of parts collected."""

    def __init__(self) -> None:
        self._data = bytearray()
        self.parts = 0

    def add(self, part: ContentPart) -> None:
        """Add a part; part 0 discards the ones before. BitstreamError for a part out of order or too much data."""
        if part.index == 0:
            self._data.clear()
            self.parts = 0
        if part.index != self.parts:
            raise BitstreamError(f"content part {part.index} follows {self.parts} parts")
        if len(self._data) + len(part.data) > MAX_PAYLOAD_BYTES:
            raise BitstreamError(
                f"content parts hold {len(self._data) + len(part.data)} bytes, limit {MAX_PAYLOAD_BYTES}"
            )
        self._data += part.data
        self.parts += 1

    def assemble(self, record: ContentRecord) -> ContentRecord:
        """The record with the data of its parts joined, `parts` 0; BitstreamError where parts are missing."""
        data, count = bytes(self._data), self.parts
        self._data.clear()
        self.parts = 0
        if not record.parts:
            return record
        if record.parts != count:
            raise BitstreamError(f"content is in {record.parts} parts and an end, {count} came")
        return dataclasses.replace(record, data=data + record.data, parts=0)


class ContentLocator:
    """Tracks, packet by packet, where the content that a key packet needs starts (SeekPoint.content_offset)."""

    def __init__(self) -> None:
        self._current: int | None = None
        self._upcoming: int | None = None

    @property
    def offset(self) -> int | None:
        """File offset of that content; None where the header's content is enough."""
        return self._upcoming if self._current is None else self._current

    def observe(self, record: PayloadRecord | None, offset: int) -> None:
        """Take note of a packet by its payload and its file offset."""
        if isinstance(record, ContentPart) and record.index == 0:
            self._upcoming = offset
        elif isinstance(record, ContentRecord):
            self._current = self._upcoming if record.parts else offset
            self._upcoming = None
