"""One pass over a stream that writes it in several ways at once. In: a file, plans. Out: streams, or their sizes alone.

packet -> codes -> layout.py, once for all plans that thin alike -> Output of each plan: coder, StreamWriter
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import ContentPart, MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.parts import ContentAssembler
from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.bitstream.stream import StreamReader, StreamWriter
from bcdcodec.codec.transcode.layout import PacketLayout, Piece
from bcdcodec.codec.transcode.repacketizer import Frames
from bcdcodec.codec.transcode.summary import StreamSummary
from bcdcodec.entropy.motion import MotionCoder
from bcdcodec.errors import BitstreamError
from bcdcodec.ratecontrol.frame_dropping import DecimatedRun


class RateReduction(Enum):
    """What lowers the rate, in the order in which it is tried; each one includes those before it."""

    #: The smallest mode, packets joined to about `layout.PACKET_S`: the same codes, the same pictures.
    RECODE = "re-coded"
    #: Content that is in force already, or that no frame uses, is not sent: still the same pictures.
    CONTENT = "repeated content dropped"
    HALF = "every second frame kept"
    QUARTER = "every fourth frame kept"

    @property
    def frame_step(self) -> int:
        """One frame of so many stays."""
        return {RateReduction.HALF: 2, RateReduction.QUARTER: 4}.get(self, 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """One way to write a stream. coder: of the first groups or all, None where MOTION packets are copied. runs: thinned
    out as the lever says.
    """

    lever: RateReduction
    coder: MotionCoder | None
    runs: Sequence[DecimatedRun]

    def header(self, old: StreamHeader) -> StreamHeader:
        """The header of the new stream."""
        if self.coder is None:
            return old
        video, coding = old.video, dataclasses.replace(old.coding, mode=self.coder.mode, groups=self.coder.groups)
        if self.lever.frame_step > 1:
            rate = video.frame_rate / self.lever.frame_step
            video = dataclasses.replace(video, rate_num=rate.numerator, rate_den=rate.denominator)
        return dataclasses.replace(old, video=video, coding=coding)


class Output:
    """A stream in the making."""

    def __init__(self, file: BinaryIO, source: StreamHeader, plan: Plan) -> None:
        self.plan = plan
        self._header = plan.header(source)
        self._writer = StreamWriter(file)
        self._writer.write_header(self._header)
        self._in_force = self._header.content.pack()
        self._new_content: Packet | None = None
        self._sound_bits = 0

    def put(self, piece: Piece) -> None:
        """The next packet, or frames that become one."""
        if isinstance(piece, Frames):
            assert self.plan.coder is not None, "where packets are copied there are no frames"
            piece = piece.packet(self.plan.coder)
        if piece.kind == PacketKind.CONTENT and self.plan.lever is not RateReduction.RECODE:
            self._new_content = piece  # written once frames use it
            return
        if piece.kind == PacketKind.MOTION and self._new_content is not None:
            content, self._new_content = self._new_content, None
            if content.payload != self._in_force:
                self._in_force = content.payload
                self._append(content)
        self._append(piece)

    def finish(self) -> None:
        """The END packet."""
        self._writer.finish()

    @property
    def outline(self) -> StreamSummary:
        """What was written so far, but for the runs."""
        return StreamSummary(header=self._header, runs=(), stats=self._writer.stats, audio_bits=self._sound_bits)

    def _append(self, packet: Packet) -> None:
        packet = dataclasses.replace(packet, sequence=self._writer.next_sequence)
        self._writer.write(packet)
        if packet.kind == PacketKind.AUDIO:
            self._sound_bits += 8 * packet.size


def rewrite(
    file: BinaryIO, outputs: Sequence[Output], decoder: MotionCoder, *, frames_done: Callable[[int], None]
) -> None:
    """Read a stream from its start and write it to all outputs, END packets included.

    decoder: reads the codes of this stream. frames_done: called with the frames of each packet.
    BitstreamError names the packet whose codes are wrong.
    """
    file.seek(0)
    reader = StreamReader(file)
    copies = [output for output in outputs if output.plan.coder is None]
    layouts: dict[int, tuple[PacketLayout, list[Output]]] = {}
    for output in outputs:
        if output.plan.coder is not None:
            frame_step = output.plan.lever.frame_step
            if frame_step not in layouts:
                layouts[frame_step] = (PacketLayout(reader.header, output.plan.runs, frame_step), [])
            layouts[frame_step][1].append(output)
    parts = ContentAssembler()
    for packet in reader:
        _put_all(copies, [packet])
        record = packet.record()
        if isinstance(record, ContentPart):
            parts.add(record)
            continue
        if isinstance(record, ContentRecord):
            # What was sent ahead is whole again: joined packets do not keep to a bucket either.
            packet = dataclasses.replace(packet, payload=parts.assemble(record).pack())
        motion = record if isinstance(record, MotionPayload) else None
        if motion is None:
            for layout, sharing in layouts.values():
                pieces = layout.push_content(packet) if packet.kind == PacketKind.CONTENT else layout.push_audio(packet)
                _put_all(sharing, pieces)
            continue
        try:
            codes = decoder.decode(motion.codes, motion.frames)
        except BitstreamError as error:
            raise BitstreamError(f"codes of packet {packet.sequence}: {error}") from error
        for layout, sharing in layouts.values():
            _put_all(sharing, layout.push_motion(packet.timestamp, motion.key, codes))
        frames_done(motion.frames)
    for layout, sharing in layouts.values():
        _put_all(sharing, layout.flush())
    for output in outputs:
        output.finish()


def _put_all(outputs: Sequence[Output], pieces: Sequence[Piece]) -> None:
    for piece in pieces:
        for output in outputs:
            output.put(piece)
