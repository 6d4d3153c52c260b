"""Variants of a stream, all written in one pass over it.

packet -> codes -> PacketLayout, shared by variants of one frame step -> OutputStream of each: coder, StreamWriter
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import ContentPart, MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.bitstream.references import ContentAssembler, ReferenceSender
from bcdcodec.bitstream.stream import StreamReader, StreamWriter
from bcdcodec.codec.transcode.repacketizer import FrameRun, PacketLayout, Piece
from bcdcodec.codec.transcode.summary import StreamSummary
from bcdcodec.entropy.motion import MotionCoder
from bcdcodec.errors import BitstreamError
from bcdcodec.ratecontrol.frame_dropping import DecimatedRun


class RateReduction(Enum):
    """Reductions of the rate in the order in which they are tried; each one includes those before it."""

    #: The smallest mode, packets joined to about `repacketizer.PACKET_S`: codes and pictures stay the same.
    RECODE = "re-coded"
    #: Content that repeats or that no frame uses is not sent: pictures stay the same.
    CONTENT = "repeated content dropped"
    HALF = "every second frame kept"
    QUARTER = "every fourth frame kept"

    @property
    def frame_step(self) -> int:
        """Interval of the frames that are kept."""
        return {RateReduction.HALF: 2, RateReduction.QUARTER: 4}.get(self, 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TranscodeVariant:
    """Parameters of one output stream.

    coder: for all codes of a frame or the first groups; None copies MOTION packets. runs: decimated by the reduction.
    """

    reduction: RateReduction
    coder: MotionCoder | None
    runs: Sequence[DecimatedRun]

    def header(self, old: StreamHeader) -> StreamHeader:
        """The header of the new stream."""
        if self.coder is None:
            return old
        video, coding = old.video, dataclasses.replace(old.coding, mode=self.coder.mode, groups=self.coder.groups)
        if self.reduction.frame_step > 1:
            rate = video.frame_rate / self.reduction.frame_step
            video = dataclasses.replace(video, rate_num=rate.numerator, rate_den=rate.denominator)
        return dataclasses.replace(old, video=video, coding=coding)


class OutputStream:
    """Writer of one variant. References wait until frames use them, unless packets are merely re-coded."""

    def __init__(self, file: BinaryIO, source: StreamHeader, variant: TranscodeVariant) -> None:
        self.variant = variant
        self._header = variant.header(source)
        self._writer = StreamWriter(file)
        self._writer.write_header(self._header)
        self._references = _UsedReferences(self._header.content)
        self._audio_bits = 0

    def push(self, piece: Piece) -> None:
        """Write the next packet, or code frames as one."""
        if isinstance(piece, FrameRun):
            assert self.variant.coder is not None, "where packets are copied there are no frames"
            piece = piece.packet(self.variant.coder)
        if self.variant.reduction is not RateReduction.RECODE:
            record = piece.record()
            if isinstance(record, ContentRecord):
                self._references.push(piece, record)
                return
            if isinstance(record, MotionPayload):
                for packet in self._references.use(record.reference):
                    self._append(packet)
        self._append(piece)

    def finish(self, end_tick: int) -> None:
        """Write the END packet. end_tick: of the source's."""
        self._writer.finish(-(-end_tick // self.variant.reduction.frame_step))

    @property
    def summary(self) -> StreamSummary:
        """Summary of the packets written so far, without runs."""
        return StreamSummary(header=self._header, runs=(), stats=self._writer.stats, audio_bits=self._audio_bits)

    def _append(self, packet: Packet) -> None:
        packet = dataclasses.replace(packet, sequence=self._writer.next_sequence)
        self._writer.write(packet)
        if packet.kind == PacketKind.AUDIO:
            self._audio_bits += 8 * packet.size


class _UsedReferences:
    """References on their way to a stream that gets only what its frames use, and no shot's content twice."""

    def __init__(self, content: ContentRecord) -> None:
        self._content = content.pack()
        self._sender = ReferenceSender()
        self._shot: tuple[Packet, ContentRecord] | None = None
        self._added: list[tuple[Packet, ContentRecord]] = []

    def push(self, packet: Packet, record: ContentRecord) -> None:
        """Keep a CONTENT packet, whole, until frames use it."""
        self._sender.keep(record)
        if record.number:
            self._added.append((packet, record))
        else:
            self._shot, self._added = (packet, record), []

    def use(self, number: int) -> list[Packet]:
        """The packets that come before frames of this reference. Numbers ascend, so that those before it come too,
        unless they are dropped already.
        """
        packets: list[Packet] = []
        if self._shot is not None:
            packet, record = self._shot
            self._shot = None
            # After additions only a new shot can begin to number again.
            if packet.payload != self._content or len(self._sender.written) > 1:
                packets.append(packet)
                self._sender.write(record)
                self._content = packet.payload
        if number in self._sender.written:
            return packets
        for packet, record in [one for one in self._added if one[1].number <= number]:
            if record.number in self._sender.kept:
                packets.append(dataclasses.replace(packet, payload=self._sender.write(record).pack()))
        self._added = [one for one in self._added if one[1].number > number]
        return packets


def write_variants(
    file: BinaryIO, outputs: Sequence[OutputStream], decoder: MotionCoder, *, frames_done: Callable[[int], None]
) -> None:
    """Read a stream from its start and write all outputs, END packets included.

    decoder: of the codes of this stream. frames_done: called with the number of frames of each packet. BitstreamError
    names the packet whose codes are wrong.
    """
    file.seek(0)
    reader = StreamReader(file)
    copies = [output for output in outputs if output.variant.coder is None]
    layouts: dict[int, tuple[PacketLayout, list[OutputStream]]] = {}
    for output in outputs:
        if output.variant.coder is not None:
            frame_step = output.variant.reduction.frame_step
            if frame_step not in layouts:
                layouts[frame_step] = (PacketLayout(reader.header, output.variant.runs, frame_step), [])
            layouts[frame_step][1].append(output)
    parts = ContentAssembler()
    for packet in reader:
        _push_all(copies, [packet])
        record = packet.record()
        if isinstance(record, ContentPart):
            parts.add(record)
            continue
        if isinstance(record, ContentRecord):
            # Parts are joined again: joined packets do not keep to a leaky bucket either.
            packet = dataclasses.replace(packet, payload=parts.assemble(record).pack())
            for layout, sharing in layouts.values():
                _push_all(sharing, layout.push_content(packet, added=record.number > 0))
            continue
        if not isinstance(record, MotionPayload):
            for layout, sharing in layouts.values():
                _push_all(sharing, layout.push_audio(packet))
            continue
        try:
            codes = decoder.decode(record.codes, record.frames)
        except BitstreamError as error:
            raise BitstreamError(f"codes of packet {packet.sequence}: {error}") from error
        for layout, sharing in layouts.values():
            _push_all(sharing, layout.push_motion(packet.timestamp, record.key, codes, record.reference))
        frames_done(record.frames)
    for layout, sharing in layouts.values():
        _push_all(sharing, layout.flush())
    for output in outputs:
        output.finish(reader.stats.end_tick)


def _push_all(outputs: Sequence[OutputStream], pieces: Sequence[Piece]) -> None:
    for piece in pieces:
        for output in outputs:
            output.push(piece)
