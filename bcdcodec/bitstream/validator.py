"""Validation of the order of packets in a stream (spec section 4.2).

Writer and reader run the same checks, so that nothing is written that would be refused when read.
"""

from bcdcodec.bitstream.bits import MAX_UVARINT
from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import AudioPayload, ContentPart, EndPayload, MotionPayload, Packet, PayloadRecord
from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.errors import BitstreamError


class StreamValidator:
    """Checks sequence numbers, timestamps, key flags, content parts and totals, packet by packet.

    joined: reading starts in the middle, at a seek point; the first packet may have any sequence number.
    parts: content parts before that point whose CONTENT packet follows it.
    tolerate_loss: packets may be missing: they are counted in `lost`, and checks that need them are left out.
    """

    def __init__(
        self, header: StreamHeader, *, joined: bool = False, parts: int = 0, tolerate_loss: bool = False
    ) -> None:
        self._header = header
        self._joined = joined
        self._tolerate_loss = tolerate_loss
        #: Number of packets missing so far.
        self.lost = 0
        self._gap = False
        self.next_sequence: int | None = None if joined else 0
        self.motion_frames = 0
        #: Tick after the last motion frame: the timestamp of the END packet.
        self.motion_tick = 0
        self._audio_tick = 0
        self._content_tick = 0
        self._new_content = False
        self._parts = parts
        self._ended = False

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
        if record.parts != self._parts and record.parts:
            raise BitstreamError(
                f"packet {packet.sequence} has content in {record.parts} parts and an end, sent are {self._parts}"
            )
        self._new_content, self._parts = True, 0
        _not_before(packet, self._content_tick)
        self._content_tick = packet.timestamp

    def _accept_part(self, packet: Packet, record: ContentPart) -> None:
        if record.index not in (0, self._parts):
            raise BitstreamError(f"packet {packet.sequence} is content part {record.index}, expected {self._parts}")
        self._parts = record.index + 1
        _not_before(packet, self._content_tick)
        self._content_tick = packet.timestamp

    def _accept_motion(self, packet: Packet, record: MotionPayload) -> None:
        fresh = not self.motion_frames or self._new_content or packet.timestamp > self.motion_tick
        if fresh and not record.key and not self._gap and not (self._joined and self.motion_frames):
            raise BitstreamError(
                f"packet {packet.sequence} needs the key flag: it is the first MOTION packet, "
                "or follows new content or a gap"
            )
        self._new_content = self._gap = False
        _not_before(packet, self.motion_tick)
        self.motion_tick = _end_tick(packet, record.frames)
        self.motion_frames += record.frames

    def _accept_audio(self, packet: Packet, record: AudioPayload) -> None:
        if self._header.audio is None:
            raise BitstreamError(f"packet {packet.sequence} is AUDIO, the header has no AUDIO section")
        _not_before(packet, self._audio_tick)
        self._audio_tick = _end_tick(packet, len(record.frames) * self._header.audio.frame_ticks)

    def _accept_end(self, packet: Packet, record: EndPayload, *, offset: int) -> None:
        if self.lost:
            _not_before(packet, self.motion_tick)
            self.motion_tick = packet.timestamp
            self._ended = True
            return
        if record.end_offset != offset:
            raise BitstreamError(f"END packet says it starts at {record.end_offset}, it starts at {offset}")
        if packet.timestamp != self.motion_tick:
            raise BitstreamError(f"END packet has timestamp {packet.timestamp}, expected {self.motion_tick}")
        if not self._joined and record.motion_frames != self.motion_frames:
            raise BitstreamError(
                f"END packet counts {record.motion_frames} frames, the stream has {self.motion_frames}"
            )
        self._ended = True


def _not_before(packet: Packet, tick: int) -> None:
    if packet.timestamp < tick:
        raise BitstreamError(f"packet {packet.sequence} has timestamp {packet.timestamp}, needs at least {tick}")


def _end_tick(packet: Packet, frames: int) -> int:
    if packet.timestamp + frames > MAX_UVARINT:
        raise BitstreamError(f"packet {packet.sequence} ends at tick {packet.timestamp + frames}, limit {MAX_UVARINT}")
    return packet.timestamp + frames
