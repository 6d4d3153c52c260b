"""References of a decoder: which picture a packet means, also where packets were lost.

CONTENT_PART, CONTENT -> parts joined -> kept by number until dropped -> a MOTION packet names one, or one that is lost
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.packet import ContentPart, MotionPayload
from bcdcodec.bitstream.records import MAX_REFERENCE_NUMBER, MAX_REFERENCES, ContentRecord
from bcdcodec.bitstream.references import ContentAssembler, ReferenceTable
from bcdcodec.frame import CropBox

#: Packets missing since a number was named last, in a call, after which it may have been given again: all contents in
#: between but those that would be kept beside it.
MAX_LOST = MAX_REFERENCE_NUMBER - MAX_REFERENCES


class LoadedContent(Protocol):
    """Content as the networks of a backend read it, a `model.content.Content` or `codec.onnx.content.OnnxContent`."""

    @property
    def map(self) -> Any: ...


@dataclass(frozen=True, slots=True, eq=False)
class LoadedReference:
    """A reference as frames are made from it. offset: added to motion vectors, float32 [G*D]; box: its shot's crop
    square.
    """

    content: LoadedContent
    offset: NDArray[np.float32] | None
    box: CropBox


@dataclass(slots=True, eq=False)
class _Kept:
    """lost: packets missing up to where it was last known to be the one that its number means."""

    reference: LoadedReference
    lost: int = 0


class DecoderReferences:
    """References that the current shot has; `lost` is the number of packets that were missing so far.

    tolerate_loss: packets may be missing. is_call: the header has a CALL section (spec section 3.9): a number means one
    picture. Other streams give numbers again in every shot, and a shot whose first content is lost shows only where
    more packets are missing than the missing frames account for (4.3).
    """

    def __init__(self, first: LoadedReference, *, tolerate_loss: bool, is_call: bool) -> None:
        self._tolerates, self._is_call = tolerate_loss, is_call
        self._parts = ContentAssembler(tolerate_loss=tolerate_loss)
        self._table = ReferenceTable(_Kept(first))
        self._latest, self._box = 0, first.box
        self._named: int | None = None  # by the last MOTION packet of the shot
        self._begun = False  # a shot began since reading started
        self._lost = self._end = self._packet_frames = 0  # at the last MOTION packet
        #: Whether the last MOTION packet names a reference that is not there.
        self.is_missing = False

    def add_part(self, part: ContentPart, *, lost: int) -> None:
        """Take a part of a later content."""
        self._parts.add(part, lost=lost)

    def whole(self, record: ContentRecord, *, lost: int) -> ContentRecord | None:
        """The record with its parts; None where one of them is lost, and with it the reference."""
        if self._tolerates and not self._parts.has_parts(record, lost=lost):
            self._note(record)
            return None
        return self._parts.assemble(record)

    def add(self, record: ContentRecord, loaded: LoadedReference, *, lost: int) -> None:
        """Begin a shot, or add a reference to the shot."""
        self._note(record)
        self._table.add(record, _Kept(loaded, lost))

    def find(self, motion: MotionPayload, tick: int, *, lost: int) -> LoadedReference | None:
        """The reference that a MOTION packet names; None where the shot has none of this number, as far as is known."""
        packet_frames = self._packet_frames or motion.frames
        accounted = -(-max(0, tick - self._end) // packet_frames)  # packets that the missing frames may have been in
        missing = lost - self._lost
        if not self._is_call and missing > accounted and self._may_have_missed_a_shot(motion, tick):
            self._table.clear()
        if missing:
            # Without the key flag the frames before it were sent, so that what is missing may be nothing but them.
            is_motion = not motion.key and missing <= accounted
            self._parts.settle(lost, motion_packets=missing if is_motion else 0)
        self._named, self._lost = motion.reference, lost
        self._end, self._packet_frames = tick + motion.frames, motion.frames
        kept = self._table.get(motion.reference)
        if kept is not None and self._is_call and motion.reference and lost - kept.lost >= MAX_LOST:
            kept = None
        self.is_missing = kept is None
        if kept is None:
            return None
        kept.lost = lost
        return kept.reference

    def others(self, reference: LoadedReference) -> tuple[LoadedContent, ...]:
        """Contents of the other references that the shot of `reference` has, in the order of their numbers; none where
        content was replaced, which makes all of them the same picture.
        """
        kept = [self._table.get(number) for number in sorted(self._table.numbers)]
        shown = [one.reference for one in kept if one is not None]
        if reference not in shown or any(one.offset is not None for one in shown):
            return ()
        return tuple(one.content for one in shown if one.content is not reference.content)

    def _note(self, record: ContentRecord) -> None:
        """Take note of a content, lost or not: a shot begins, whether its first content came or was lost."""
        box = CropBox(x=record.x, y=record.y, size=record.size)
        if not record.number or record.number <= self._latest or box != self._box:
            self._table.clear()
            self._named, self._begun = None, True
        self._latest, self._box = record.number, box

    def _may_have_missed_a_shot(self, motion: MotionPayload, tick: int) -> bool:
        """Whether lost packets that held no motion may have begun the shot of a MOTION packet."""
        if not self._packet_frames:  # reading starts here; at tick 0 the shot is that of the header
            return tick > 0 and not self._begun
        return motion.key and motion.reference == self._named
