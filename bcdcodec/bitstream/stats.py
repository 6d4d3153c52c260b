"""Bit statistics of a stream by category.

Every byte is counted in exactly one category, so that the categories add up to the size of the file.
"""

from dataclasses import dataclass

from bcdcodec.bitstream.header import END_OF_HEADER, MAGIC, Section, SectionType
from bcdcodec.bitstream.packet import AudioPayload, ContentPart, EndPayload, MotionPayload, Packet, PayloadRecord
from bcdcodec.bitstream.records import ContentRecord


@dataclass(frozen=True, slots=True)
class SectionStats:
    """Size of one header section. bits: of its body; its framing is part of StreamStats.framing_bits."""

    type: int
    bits: int


@dataclass(frozen=True, slots=True)
class PacketStats:
    """Size and position of one packet: payload_bits + framing_bits. frames, key: 0 and False except for MOTION."""

    kind: int
    sequence: int
    timestamp: int
    offset: int
    payload_bits: int
    framing_bits: int
    frames: int
    key: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStats:
    """Bits of a stream by category, and its counts.

    header_bits: magic, version and section bodies but CONTENT. content_bits: CONTENT section body, payloads of CONTENT
    and CONTENT_PART packets.
    framing_bits: types, lengths, sequence numbers, timestamps, checksums and the END packet.
    unknown_bits: payloads of packets of unknown kinds. end_tick: tick after the last motion frame; of a whole stream,
    that of its END packet, until which the last picture stays.
    """

    header_bits: int
    content_bits: int
    motion_bits: int
    audio_bits: int
    framing_bits: int
    unknown_bits: int
    motion_frames: int
    key_packets: int
    content_packets: int
    packet_count: int
    end_tick: int
    audio_frames: int
    sections: tuple[SectionStats, ...]
    packets: tuple[PacketStats, ...]

    @property
    def total_bits(self) -> int:
        return (
            self.header_bits
            + self.content_bits
            + self.motion_bits
            + self.audio_bits
            + self.framing_bits
            + self.unknown_bits
        )


CATEGORIES = ("header", "content", "motion", "audio", "framing", "unknown")
PAYLOAD_CATEGORY: dict[type, str] = {
    ContentRecord: "content",
    ContentPart: "content",
    MotionPayload: "motion",
    AudioPayload: "audio",
    EndPayload: "framing",
    type(None): "unknown",
}


class StatsCounter:
    """Running counts of StreamStats, in constant memory unless `keep_packets`."""

    def __init__(self, *, keep_packets: bool = False) -> None:
        self._keep_packets = keep_packets
        self._bits = dict.fromkeys(CATEGORIES, 0)
        self._sections: list[SectionStats] = []
        self._packets: list[PacketStats] = []
        self._packet_count = self._key_packets = self._content_packets = 0
        self._motion_frames = self._audio_frames = self._end_tick = 0

    def add_header(self, sections: list[Section]) -> None:
        """Count magic, version, all sections given and END_OF_HEADER."""
        self._bits["header"] += 8 * (len(MAGIC) + 1)
        for section in [*sections, END_OF_HEADER]:
            bits = 8 * len(section.body)
            self._bits["content" if section.type == SectionType.CONTENT else "header"] += bits
            self._bits["framing"] += 8 * section.size - bits
            self._sections.append(SectionStats(section.type, bits))

    def add_packet(self, packet: Packet, record: PayloadRecord | None, *, offset: int) -> None:
        """Count a packet at `offset`, whose unpacked payload is `record`."""
        payload_bits = 8 * len(packet.payload)
        framing_bits = 8 * packet.size - payload_bits
        self._bits[PAYLOAD_CATEGORY[type(record)]] += payload_bits
        self._bits["framing"] += framing_bits
        self._packet_count += 1
        self._content_packets += isinstance(record, ContentRecord)
        frames, key = 0, False
        if isinstance(record, MotionPayload):
            frames, key = record.frames, record.key
            self._motion_frames += frames
            self._key_packets += key
            self._end_tick = packet.timestamp + frames
        elif isinstance(record, AudioPayload):
            self._audio_frames += len(record.frames)
        elif isinstance(record, EndPayload):
            self._end_tick = packet.timestamp
        if self._keep_packets:
            position = (packet.kind, packet.sequence, packet.timestamp, offset)
            self._packets.append(PacketStats(*position, payload_bits, framing_bits, frames, key))

    def stats(self) -> StreamStats:
        """The statistics so far."""
        return StreamStats(
            header_bits=self._bits["header"],
            content_bits=self._bits["content"],
            motion_bits=self._bits["motion"],
            audio_bits=self._bits["audio"],
            framing_bits=self._bits["framing"],
            unknown_bits=self._bits["unknown"],
            motion_frames=self._motion_frames,
            key_packets=self._key_packets,
            content_packets=self._content_packets,
            packet_count=self._packet_count,
            end_tick=self._end_tick,
            audio_frames=self._audio_frames,
            sections=tuple(self._sections),
            packets=tuple(self._packets),
        )
