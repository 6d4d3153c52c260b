"""Content that was sent ahead in parts (spec section 5.5). In: CONTENT_PART and CONTENT records. Out: whole records,
and where in a file they begin.
"""

import dataclasses

from bcdcodec.bitstream.packet import MAX_PAYLOAD_BYTES, ContentPart, PayloadRecord
from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.errors import BitstreamError


class ContentAssembler:
    """Keeps the parts of one content until its CONTENT packet comes; `parts` of them are here."""

    def __init__(self) -> None:
        self._data = bytearray()
        self.parts = 0

    def add(self, part: ContentPart) -> None:
        """Part 0 throws away what was there. BitstreamError for a part that does not follow, or for too many bytes."""
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

    def whole(self, record: ContentRecord) -> ContentRecord:
        """The record with all its data, and no parts. BitstreamError where some of them are missing."""
        data, count = bytes(self._data), self.parts
        self._data.clear()
        self.parts = 0
        if not record.parts:
            return record
        if record.parts != count:
            raise BitstreamError(f"content is in {record.parts} parts and an end, {count} came")
        return dataclasses.replace(record, data=data + record.data, parts=0)


class ContentLocator:
    """Where the content begins that a key packet needs (SeekPoint.content_offset), as packets pass by."""

    def __init__(self) -> None:
        self._in_force: int | None = None
        self._on_its_way: int | None = None

    @property
    def offset(self) -> int | None:
        """None where the header has all that is needed."""
        return self._on_its_way if self._in_force is None else self._in_force

    def pass_by(self, record: PayloadRecord | None, offset: int) -> None:
        """The payload of the packet that starts at `offset` of the file."""
        if isinstance(record, ContentPart) and record.index == 0:
            self._on_its_way = offset
        elif isinstance(record, ContentRecord):
            self._in_force = self._on_its_way if record.parts else offset
            self._on_its_way = None
