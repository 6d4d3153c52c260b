"""Motion chunks to pictures: a decoder that is given each reference when it is used, and told what is missing."""

from collections.abc import Sequence

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import Packet, PacketKind
from bcdcodec.bitstream.references import ReferenceTable
from bcdcodec.call.chunks import MotionChunk
from bcdcodec.call.references import HEADER, ReferenceInbox
from bcdcodec.codec.decode.concealment import HoldConcealer
from bcdcodec.codec.decode.decoder import DecodedFrame, Decoder
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.decode.together import decode_together
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import BitstreamError

#: Pictures that wait to be shown at most: those of the longest delay.
MAX_WAITING = 256


class Painter:
    """Decoder of one session. settings: None for lost frames that repeat the last motion. ConfigError for a header of
    other weights.
    """

    def __init__(self, model: CodecModel, header: StreamHeader, settings: DecodeSettings | None) -> None:
        self._decoder = Decoder(model, header, settings or DecodeSettings(concealer=HoldConcealer()))
        self._table = ReferenceTable(HEADER)  # names by the numbers that the decoder knows
        self._sequence = 0
        self._waiting: dict[int, DecodedFrame] = {}
        self._due = self._skipped = -1  # index of the last picture that is due, and of the first that is not too late
        self._may_work_ahead = False
        #: Pictures to a tick; ticks and pictures a second.
        self.multiplier = self._decoder.frame_multiplier
        self.tick_rate = float(header.video.frame_rate)
        self.frame_rate = header.video.frame_rate * self.multiplier
        #: Index of the first picture, None before it came, and of the last one that was not made up.
        self.first_index: int | None = None
        self.last_real = 0

    def push(self, chunk: MotionChunk, references: ReferenceInbox, *, missing: int) -> bool:
        """Take motion, whose pictures `paint` makes; False where its reference did not come, and they are lost.

        missing: packets before it. BitstreamError for a malformed one.
        """
        record = chunk.record()
        if self._table.get(record.reference) != chunk.source:
            content = references.record(chunk.source)
            if content is None:
                self._sequence += 1
                return False
            if content.number != record.reference:
                raise BitstreamError(f"motion names reference {record.reference}, its source is {content.number}")
            self._push(PacketKind.CONTENT, chunk.tick, content.pack())
            self._table.add(content, chunk.source)
        self._sequence += bool(missing)
        self._push(PacketKind.MOTION, chunk.tick, chunk.payload)
        if self._decoder.waiting_frames >= MAX_WAITING:
            self._keep(self._decoder.decode_waiting())
        return True

    def expect(self, due: int, *, skipped: int, may_work_ahead: bool) -> None:
        """Say what is to be painted next: pictures up to the index `due`, none before `skipped`, which are too late.

        may_work_ahead: whether there is time to paint a picture ahead of its time.
        """
        self._due, self._skipped, self._may_work_ahead = due, max(skipped, self._skipped), may_work_ahead
        self._decoder.skip(self._skipped)

    @property
    def has_work(self) -> bool:
        """Whether `paint_together` will make a picture."""
        return self.lacks_due or (self._may_work_ahead and self._decoder.next_index is not None)

    @property
    def lacks_due(self) -> bool:
        """Whether a picture that is due is still motion."""
        waiting = self._decoder.next_index
        return waiting is not None and waiting <= self._due

    def take(self, index: int) -> DecodedFrame | None:
        """The picture of an index; None where there is none. Those before it are dropped."""
        for early in [early for early in self._waiting if early < index]:
            del self._waiting[early]
        return self._waiting.pop(index, None)

    def conceal(self, index: int) -> None:
        """Make up the picture of an index, and those before it that are missing; none that was skipped."""
        if index >= self._skipped:
            self._decoder.add_concealed(index // self.multiplier + 1)
            self._decoder.skip(self._skipped)
            self._keep(self._decoder.decode_waiting())

    def _push(self, kind: PacketKind, tick: int, payload: bytes) -> None:
        packet = Packet(kind, self._sequence, tick, payload)
        self._sequence += 1
        self._decoder.add(packet)

    def _keep(self, frames: list[DecodedFrame]) -> None:
        for frame in frames:
            if self.first_index is None:
                self.first_index = frame.index
            if not frame.concealed:
                self.last_real = max(self.last_real, frame.index)
            self._waiting[frame.index] = frame
        while len(self._waiting) > MAX_WAITING:
            del self._waiting[min(self._waiting)]


def paint_together(painters: Sequence[Painter]) -> None:
    """Make the pictures that are due, side by side; where none is, and there is time, the next of each ahead.

    One after the other, so that what is due never waits for more than one picture that is not.
    """
    had_due = False
    while any(painter.lacks_due for painter in painters):
        _paint_next(painters)
        had_due = True
    if not had_due and all(painter._may_work_ahead for painter in painters):
        _paint_next(painters)


def _paint_next(painters: Sequence[Painter]) -> None:
    """Make the next picture of each painter."""
    decoded = decode_together([painter._decoder for painter in painters], one_window=True)
    for painter, frames in zip(painters, decoded, strict=True):
        painter._keep(frames)
