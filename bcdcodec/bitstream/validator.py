"""Validation of the order of packets in a stream (spec section 4.2).

Writer and reader run the same checks, so that nothing is written that would be refused when read.
"""

from bcdcodec.bitstream.bits import MAX_UVARINT
from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import AudioPayload, ContentPart, EndPayload, MotionPayload, Packet, PayloadRecord
from bcdcodec.bitstream.records import MAX_REFERENCES, ContentRecord
from bcdcodec.bitstream.references import ReferenceTable, check_content_bytes
from bcdcodec.errors import BitstreamError


class StreamValidator:
    """Checks sequence numbers, timestamps, key flags, content parts and totals, packet by packet.

    joined: reading starts in the middle, at a seek point; the first packet may have any sequence number. `resume` takes
    the references before that point first.
    tolerate_loss: packets may be missing: they are counted in `lost`, and checks that need them are left out.
    """

    def __init__(self, header: StreamHeader, *, joined: bool = False, tolerate_loss: bool = False) -> None:
        self._header = header
        self._joined = joined
        self._tolerate_loss = tolerate_loss
        #: Number of packets missing so far.
        self.lost = 0
        self._gap = False
        self.next_sequence: int | None = None if joined else 0
        self.motion_frames = 0
        #: Tick after the last motion frame; after the END packet its timestamp, until which the last picture stays.
        self.motion_tick = 0
        self._audio_tick = 0
        self._content_tick = 0
        self._shot = header.content
        self._latest = 0  # number of the reference that the shot got last
        self._references = ReferenceTable[None](None)
        self._in_force = 0  # reference of the last motion packet
        self._new_content = False
        self._parts = self._part_bytes = 0
        self._ended = False

    def resume(self, record: ContentRecord | ContentPart) -> None:
        """Take a reference, or a part of one, from before the packet at which reading starts."""
        if isinstance(record, ContentPart):
            self._take_part(record)
        else:
            self._take_reference(record)

    def accept(self, packet: Packet, record: PayloadRecord | None, *, offset: int) -> None:
        """Check a packet at file offset `offset`, with its unpacked payload `record`; BitstreamError if invalid."""
        if self._ended:
            raise BitstreamError(f"packet {packet.sequence} follows the END packet")
        if self.next_sequence is not None and packet.sequence != self.next_sequence:
            if not self._tolerate_loss or packet.sequence < self.next_sequence:
                raise BitstreamError(f"packet has sequence {packet.sequence}, expected {self.next_sequence}")
            self.lost += packet.sequence - self.next_sequence
            self._gap = True
        match record:
            case ContentRecord():
                self._accept_content(packet, record)
            case ContentPart():
                self._accept_part(packet, record)
            case MotionPayload():
                self._accept_motion(packet, record)
            case AudioPayload():
                self._accept_audio(packet, record)
            case EndPayload():
                self._accept_end(packet, record, offset=offset)
        self.next_sequence = packet.sequence + 1

    def _accept_content(self, packet: Packet, record: ContentRecord) -> None:
        if self._header.video.cropped and not record.size:
            raise BitstreamError(f"crop size of packet {packet.sequence} is 0 in a cropped stream, needs at least 1")
        if record.parts != self._parts and record.parts and not (record.number and self.lost):
            raise BitstreamError(
                f"packet {packet.sequence} has content in {record.parts} parts and an end, sent are {self._parts}"
            )
        if record.parts and not self.lost:
            check_content_bytes(self._part_bytes + len(record.data))
        if record.number:
            self._accept_addition(packet, record)
        self._new_content |= not record.number
        self._take_reference(record)
        _not_before(packet, self._content_tick)
        self._content_tick = packet.timestamp

    def _take_reference(self, record: ContentRecord) -> None:
        self._shot = self._shot if record.number else record
        self._references.add(record, None)
        self._latest, self._parts, self._part_bytes = record.number, 0, 0

    def _accept_addition(self, packet: Packet, record: ContentRecord) -> None:
        if self.lost:
            return
        crops = [(one.x, one.y, one.size) for one in (record, self._shot)]
        if crops[0] != crops[1]:
            raise BitstreamError(f"packet {packet.sequence} adds a reference of the square {crops[0]} to {crops[1]}")
        if record.number <= self._latest:
            raise BitstreamError(
                f"packet {packet.sequence} adds reference {record.number}, the shot has {self._latest} already"
            )
        if record.drops and record.drops not in self._references.numbers:
            raise BitstreamError(
                f"packet {packet.sequence} drops reference {record.drops}, which the shot does not have"
            )
        if not record.drops and len(self._references.numbers) == MAX_REFERENCES:
            raise BitstreamError(f"packet {packet.sequence} adds a reference to {MAX_REFERENCES}, needs to drop one")

    def _accept_part(self, packet: Packet, record: ContentPart) -> None:
        if record.index not in (0, self._parts) and not self.lost:
            raise BitstreamError(f"packet {packet.sequence} is content part {record.index}, expected {self._parts}")
        self._take_part(record)
        # After a loss parts of two contents may follow each other.
        if not self.lost:
            check_content_bytes(self._part_bytes)
        _not_before(packet, self._content_tick)
        self._content_tick = packet.timestamp

    def _take_part(self, record: ContentPart) -> None:
        self._part_bytes = len(record.data) + (self._part_bytes if record.index else 0)
        self._parts = record.index + 1

    def _accept_motion(self, packet: Packet, record: MotionPayload) -> None:
        if record.reference not in self._references.numbers and not self.lost:
            raise BitstreamError(
                f"packet {packet.sequence} names reference {record.reference}, which the shot does not have"
            )
        changed = self._new_content or record.reference != self._in_force
        fresh = not self.motion_frames or changed or packet.timestamp > self.motion_tick
        if fresh and not record.key and not self._gap and not (self._joined and self.motion_frames):
            raise BitstreamError(
                f"packet {packet.sequence} needs the key flag: it is the first MOTION packet, "
                "or follows new content, another reference or a gap"
            )
        self._new_content = self._gap = False
        self._in_force = record.reference
        _not_before(packet, self.motion_tick)
        self.motion_tick = _end_tick(packet, record.frames)
        self.motion_frames += record.frames

    def _accept_audio(self, packet: Packet, record: AudioPayload) -> None:
        if self._header.audio is None:
            raise BitstreamError(f"packet {packet.sequence} is AUDIO, the header has no AUDIO section")
        _not_before(packet, self._audio_tick)
        self._audio_tick = _end_tick(packet, len(record.frames) * self._header.audio.frame_ticks)

    def _accept_end(self, packet: Packet, record: EndPayload, *, offset: int) -> None:
        _not_before(packet, self.motion_tick)
        if packet.timestamp > self.motion_tick and not (self.motion_frames or self.lost or self._joined):
            raise BitstreamError(f"END packet has timestamp {packet.timestamp}, without a frame it is 0")
        if not self.lost and record.end_offset != offset:
            raise BitstreamError(f"END packet says it starts at {record.end_offset}, it starts at {offset}")
        if not self.lost and not self._joined and record.motion_frames != self.motion_frames:
            raise BitstreamError(
                f"END packet counts {record.motion_frames} frames, the stream has {self.motion_frames}"
            )
        self.motion_tick = packet.timestamp
        self._ended = True


def _not_before(packet: Packet, tick: int) -> None:
    if packet.timestamp < tick:
        raise BitstreamError(f"packet {packet.sequence} has timestamp {packet.timestamp}, needs at least {tick}")


def _end_tick(packet: Packet, frames: int) -> int:
    if packet.timestamp + frames > MAX_UVARINT:
        raise BitstreamError(f"packet {packet.sequence} ends at tick {packet.timestamp + frames}, limit {MAX_UVARINT}")
    return packet.timestamp + frames
