"""Delivery of a reference: whole in one packet, or in parts between the motion packets before it."""

from dataclasses import replace

from bcdcodec.bitstream.packet import ContentPart
from bcdcodec.bitstream.records import MAX_PARTS, ContentRecord
from bcdcodec.codec.encode.units import ReferenceUnit
from bcdcodec.ratecontrol.budget import FRAMING_BYTES


class Delivery:
    """A reference on its way: the data still to be sent, and the number of parts that went ahead."""

    def __init__(self, unit: ReferenceUnit) -> None:
        self._record = unit.record
        #: Frame that the reference is for.
        self.start = unit.start
        #: Of the reference in its shot.
        self.number = unit.record.number
        self._left = unit.record.data
        self._parts = 0

    @property
    def left_bytes(self) -> int:
        """Data still to be sent."""
        return len(self._left)

    @property
    def total_bytes(self) -> int:
        """Data of the whole reference."""
        return len(self._record.data)

    @property
    def bits(self) -> int:
        """Size of the CONTENT packet that would end it now, at least; framing included."""
        return 8 * (FRAMING_BYTES + len(replace(self._record, data=self._left, parts=0).pack()))

    def due_bytes(self, passed: float) -> int:
        """Data to send now, if it is spread evenly and `passed` (0 to 1) of the time has passed."""
        total = len(self._record.data)
        return round(passed * total) - (total - len(self._left))

    def split(self, count: int, *, min_bytes: int) -> ContentPart | None:
        """Take a part of at most `count` bytes; None where that is too little, or no further part is allowed."""
        count = min(count, len(self._left) - 1)  # the CONTENT packet that ends it carries data too
        if count < min_bytes or self._parts == MAX_PARTS:
            return None
        part = ContentPart(self._parts, self._left[:count])
        self._left = self._left[count:]
        self._parts += 1
        return part

    def record(self) -> ContentRecord:
        """The record of the CONTENT packet that ends it."""
        return replace(self._record, data=self._left, parts=self._parts)
