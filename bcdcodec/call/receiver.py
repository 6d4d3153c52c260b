"""Receiver of a call, without a socket: datagrams in, pictures and sound out at their time, and reports.

datagrams -> pieces -> references --------------+
          -> motion -> order, loss (jitter.py) -+-> painter.py -> pictures by tick -> shown when they are due
          -> Opus frames (audio.py) ------------------------------------------------> heard when they are due
"""

import math
from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bcdcodec.call.audio import TICK_MS, SoundPlayout
from bcdcodec.call.chunks import Chunk, MotionChunk, Piece, SoundChunk, unpack_chunks
from bcdcodec.call.datagram import Checksum, Datagram, DatagramKind, DatagramReader, DatagramWriter, Envelope
from bcdcodec.call.feedback import HASTY_REPORT_MS, REPORT_MS, Arrivals
from bcdcodec.call.jitter import HISTORY, MAX_AHEAD_MS, Medium, MotionBuffer, Playout
from bcdcodec.call.painter import Painter, paint_together
from bcdcodec.call.playback import Playback, PlayedFrame, Shown
from bcdcodec.call.references import ReferenceInbox
from bcdcodec.call.traffic import Traffic
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import BitstreamError

#: Packets of motion before anything is shown: the first alone does not tell how long others take.
FIRST_PACKETS = 2
#: A session that is silent for this long may be followed by another one.
SILENCE_MS = 5000.0
#: Pictures are made up for this long; then the last one stays.
MAX_CONCEALED_MS = 1000.0
#: After a pause of the caller as long as this, what was due in it is left out.
MAX_BEHIND_MS = 5000.0
#: Pictures that are late by more than this are not made: a machine that does not keep up shows fewer, not later ones.
MAX_LATE_MS = 150.0
#: Motion whose reference did not come for this long asks for another one.
PATIENCE_MS = 1000.0


class Receiver:
    """The other end of a `Sender`. Times are the caller's, in ms of any clock that never goes back. One thread at a
    time may use it; any number of receivers may share a model.

    settings: of the decoder, with a concealer. session: the one that is taken, None for that of the first datagram.
    envelope: as the sender's. Raises ConfigError for a stream of other weights.
    """

    def __init__(
        self,
        model: CodecModel,
        settings: DecodeSettings | None = None,
        *,
        session: int | None = None,
        envelope: Envelope | None = None,
    ) -> None:
        self._envelope = envelope or Checksum()
        self._model, self._settings, self._fixed_session = model, settings, session
        self._begin(session)
        self.traffic = Traffic()
        #: Datagrams that were none of the session, and those with a malformed body.
        self.refused = 0

    def _begin(self, session: int | None) -> None:
        """Forget the session before."""
        self._reader = DatagramReader(self._envelope, session)
        self._writer: DatagramWriter | None = None
        self.arrivals, self.playout, self.motion = Arrivals(), Playout(), MotionBuffer()
        self.references, self.sound = ReferenceInbox(), SoundPlayout()
        self._painter: Painter | None = None
        self._early: deque[tuple[float, int, bool]] = deque(maxlen=HISTORY)  # arrivals of motion before the header
        self._next: int | None = None  # index of the picture that is shown next
        self._last: NDArray[np.uint8] | None = None
        self._frozen_since = 0
        self._heard_ms = self._missing_since_ms = -1.0
        self._report_ms = -REPORT_MS
        self._polled_ms: float | None = None
        self._has_painted = False
        self._end_tick: int | None = None
        self._is_over = False
        #: Pictures shown, by where they come from.
        self.shown = dict.fromkeys(Shown, 0)

    @property
    def frame_rate(self) -> Fraction | None:
        """Pictures a second; None before the header came."""
        return None if self._painter is None else self._painter.frame_rate

    @property
    def is_over(self) -> bool:
        """Whether the sender has ended, and all is shown."""
        return self._is_over

    def receive(self, data: bytes, now_ms: float) -> None:
        """Take a datagram; what is none of the session is counted and dropped."""
        try:
            datagram = self._open(data, now_ms)
            self._writer = self._writer or DatagramWriter(datagram.session, self._envelope)
            self._heard_ms = now_ms
            if self.arrivals.add(datagram, now_ms):
                self._take(datagram, now_ms)
        except BitstreamError:
            self.refused += 1

    def prepare(self, now_ms: float) -> Painter | None:
        """Tell the painter what `play` at this time needs, for `paint_together`; None while nothing can be due."""
        if self._polled_ms is not None:  # by the caller's clock, what was painted took until now
            self.playout.observe_step(now_ms - self._polled_ms, made_picture=self._has_painted)
        self._has_painted, self._polled_ms = False, now_ms
        media_ms = self._media_ms(now_ms)
        if media_ms is None or self._painter is None:
            return None
        self._take_motion_due(self._painter, media_ms, now_ms)
        rate = float(self._painter.frame_rate) / 1000
        due, late = math.floor(media_ms * rate), math.floor((media_ms - MAX_LATE_MS) * rate)
        shows_nothing = (self._next is None or due < self._next) and not self.sound.is_due(media_ms)
        self._painter.expect(due, skipped=late, may_work_ahead=shows_nothing)
        self._has_painted = self._painter.has_work
        return self._painter

    def _media_ms(self, now_ms: float) -> float | None:
        """The time on the media clock that is shown now; None before anything can be."""
        has_begun = self.playout.count(Medium.MOTION) >= FIRST_PACKETS or self._end_tick is not None
        offset_ms = self.playout.offset_ms(now_ms) if has_begun else None
        return None if offset_ms is None else now_ms - offset_ms

    def poll(self, now_ms: float) -> Playback:
        """What is due by now. Where nothing is, it may make a picture ahead of its time."""
        painter = self.prepare(now_ms)
        if painter is not None:
            paint_together([painter])
        return self.play(now_ms)

    def play(self, now_ms: float) -> Playback:
        """What is due by now, after `prepare` and `paint_together`."""
        media_ms = self._media_ms(now_ms)
        if media_ms is None or self._painter is None:
            return Playback([], [])
        frames = list(self._frames(self._painter, media_ms))
        end_ms = None if self._end_tick is None else self._end_tick / self._painter.tick_rate * 1000
        sounds = list(self.sound.take(media_ms, end_ms))
        self._is_over = end_ms is not None and media_ms >= end_ms
        return Playback(frames, sounds)

    def reports(self, now_ms: float) -> list[bytes]:
        """Datagrams for the sender that are due by now."""
        writer = self._writer
        needs_more = self.references.header is None or self._missing_since_ms >= 0
        if writer is None or now_ms - self._report_ms < (HASTY_REPORT_MS if needs_more else REPORT_MS):
            return []
        self._report_ms = now_ms
        report = self.arrivals.report(
            now_ms,
            buffer_ms=self.playout.buffer_ms,
            pieces=(self.references.highest, self.references.mask),
            has_header=self.references.header is not None,
            needs_reference=0 <= self._missing_since_ms <= now_ms - PATIENCE_MS,
            has_end=self._end_tick is not None,
        )
        body = report.pack()
        data = writer.pack(DatagramKind.REPORT, body, sent_ms=round(now_ms))
        self.traffic.add_report(data, body)
        return [data]

    def _open(self, data: bytes, now_ms: float) -> Datagram:
        kinds = (DatagramKind.MEDIA, DatagramKind.BYE)
        is_silent = self._heard_ms >= 0 and now_ms - self._heard_ms > SILENCE_MS
        if not is_silent or self._fixed_session is not None:
            return self._reader.unpack(data, kinds)
        datagram = DatagramReader(self._envelope).unpack(data, kinds)
        if datagram.session != self._reader.session:
            self._begin(datagram.session)
        return datagram

    def _take(self, datagram: Datagram, now_ms: float) -> None:
        if datagram.kind is DatagramKind.BYE:
            if len(datagram.body) != 4:
                raise BitstreamError(f"end of a call has {len(datagram.body)} bytes, needs 4")
            self._end_tick = int.from_bytes(datagram.body, "big")
            self._report_ms = -REPORT_MS  # the sender waits for it
            return
        seen: set[type[Chunk]] = set()  # media of the datagram begin with what is new
        for chunk in unpack_chunks(datagram.body):
            is_copy = type(chunk) in seen
            seen.add(type(chunk))
            match chunk:
                case Piece():
                    self._take_piece(chunk)
                case MotionChunk():
                    self._take_motion(chunk, now_ms, is_copy=is_copy)
                case SoundChunk():
                    if self.sound.add(chunk):
                        self.playout.observe(Medium.SOUND, now_ms, chunk.tick * TICK_MS, is_copy=is_copy)

    def _take_piece(self, piece: Piece) -> None:
        self.references.add(piece)
        if self._painter is None and self.references.header is not None:
            self._painter = Painter(self._model, self.references.header, self._settings)
            for arrival_ms, tick, is_copy in self._early:
                self._observe(self._painter, arrival_ms, tick, is_copy=is_copy)

    def _take_motion(self, chunk: MotionChunk, now_ms: float, *, is_copy: bool) -> None:
        if self._painter is not None and self._next is not None:
            ahead = chunk.tick - self._next / self._painter.multiplier
            if 1000 * ahead / self._painter.tick_rate > MAX_AHEAD_MS:
                raise BitstreamError(f"motion is {ahead:g} ticks ahead")
        if not self.motion.add(chunk):
            return
        if self._painter is None:
            self._early.append((now_ms, chunk.tick, is_copy))
        else:
            self._observe(self._painter, now_ms, chunk.tick, is_copy=is_copy)

    def _observe(self, painter: Painter, arrival_ms: float, tick: int, *, is_copy: bool) -> None:
        self.playout.observe(Medium.MOTION, arrival_ms, 1000 * tick / painter.tick_rate, is_copy=is_copy)

    def _take_motion_due(self, painter: Painter, media_ms: float, now_ms: float) -> None:
        """Give the painter what is next in order, or due."""
        for chunk, missing in self.motion.take(media_ms * painter.tick_rate / 1000):
            try:
                is_painted = painter.push(chunk, self.references, missing=missing)
            except BitstreamError:
                self.refused += 1
                continue
            if is_painted:
                self._missing_since_ms = -1.0
            elif self._missing_since_ms < 0:
                self._missing_since_ms = now_ms

    def _frames(self, painter: Painter, media_ms: float) -> Iterator[PlayedFrame]:
        rate = float(painter.frame_rate)
        if self._next is None:
            self._next = painter.first_index
        while self._next is not None and 1000 * self._next / rate <= media_ms:
            index = self._next
            if self._end_tick is not None and index >= self._end_tick * painter.multiplier:
                return
            if media_ms - 1000 * index / rate > MAX_BEHIND_MS:
                self._next = int((media_ms - MAX_BEHIND_MS) * rate / 1000) + 1
                continue
            self._next += 1
            frame = painter.take(index)
            if frame is None and (index - painter.last_real) * 1000 / rate <= MAX_CONCEALED_MS:
                painter.conceal(index)
                frame = painter.take(index)
            if frame is not None:
                self._last, shown = frame.pixels, Shown.CONCEALED if frame.concealed else Shown.DECODED
            elif self._last is not None:
                shown = Shown.FROZEN
            else:
                continue
            self.shown[shown] += 1
            yield PlayedFrame(self._last, index, shown)
