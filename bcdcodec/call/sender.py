"""Sender of a call, without a socket: frames, Opus packets and reports in, datagrams out.

frames -> encoder -> pieces of references, motion --+
Opus packets ---------------------------------------+-> datagrams, with what was in the ones before
reports -> level of redundancy, bitrate, pieces to send again
"""

import secrets
from collections.abc import Iterable, Sequence
from fractions import Fraction

from bcdcodec.bitstream.packet import ContentPart, MotionPayload, Packet
from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.call.audio import sound_chunk
from bcdcodec.call.chunks import Chunk, MotionChunk, Piece, pack_chunk, pack_chunks
from bcdcodec.call.datagram import Checksum, DatagramKind, DatagramReader, DatagramWriter, Envelope
from bcdcodec.call.feedback import Adaptation, Report
from bcdcodec.call.redundancy import Repeater
from bcdcodec.call.references import ReferenceOutbox
from bcdcodec.call.traffic import Traffic
from bcdcodec.codec.encode.encoder import Encoder
from bcdcodec.errors import BitstreamError, ConfigError
from bcdcodec.frame import Frame
from bcdcodec.video.audio import OpusPacket

#: Sound waits so long for motion to share a datagram with.
MAX_SOUND_WAIT_MS = 200.0
#: Datagrams that were sent so long before one that came are lost, if they did not come.
DISORDER_MS = 100.0
#: The end is said so often at most, at this interval, until a report tells that it came.
BYES, BYE_MS = 12, 250.0


class Sender:
    """One direction of media. Times are the caller's, in ms of any clock that never goes back.

    bitrate: of the encoder, the most that it is asked for. session: None for one drawn at random. envelope: a `Seal`,
    or None for a checksum; what a receiver uses must be the same.
    """

    def __init__(
        self, encoder: Encoder, *, bitrate: float, session: int | None = None, envelope: Envelope | None = None
    ) -> None:
        envelope = envelope or Checksum()
        self._encoder = encoder
        self._writer = DatagramWriter(secrets.randbits(32) if session is None else session, envelope)
        self._reader = DatagramReader(envelope, self._writer.session)
        self._outbox: ReferenceOutbox | None = None
        self._repeater, self.adaptation, self.traffic = Repeater(), Adaptation(bitrate), Traffic()
        self._sound: list[OpusPacket] = []
        self._sound_since_ms = self._start_ms = 0.0
        self._started = False
        self._motion_index = self._end_tick = self._byes = 0
        self._bye_ms = 0.0
        #: The last report, None before the first; datagrams that were no report of this session.
        self.report: Report | None = None
        self.refused = 0

    @property
    def session(self) -> int:
        return self._writer.session

    @property
    def frame_rate(self) -> Fraction:
        """Frames a second, which their indices count."""
        return self._encoder.frame_rate

    def set_bitrate(self, bitrate: float) -> None:
        """Go on with another bitrate as the most that the encoder is asked for. ConfigError for one out of range."""
        self._encoder.set_bitrate(bitrate)
        self.adaptation.set_max_bitrate(bitrate)

    def push_frame(self, frame: Frame, now_ms: float) -> list[bytes]:
        """Encode a frame, whose time is its index at the encoder's frame rate; returns datagrams."""
        self._begin(now_ms)
        if self.adaptation.needs_reference:
            self.adaptation.needs_reference = False
            self._encoder.request_reference()
        self._end_tick = frame.index + 1
        return self._send_packets(self._encoder.push(frame), now_ms)

    def push_sound(self, packets: Sequence[OpusPacket], now_ms: float) -> list[bytes]:
        """Take Opus packets on the clock of the pictures; they leave with the next motion, or after a while."""
        self._begin(now_ms)
        if packets and not self._sound:
            self._sound_since_ms = now_ms
        self._sound += packets
        return self.poll(now_ms)

    def receive(self, data: bytes, now_ms: float) -> None:
        """Take a datagram of the receiver; what is none is counted and dropped."""
        try:
            report = Report.unpack(self._reader.unpack(data, (DatagramKind.REPORT,)).body)
        except BitstreamError:
            self.refused += 1
            return
        before = self.adaptation.bitrate
        self.report = report
        self.adaptation.observe(report, now_ms, sent_ms=self._sent_ms(now_ms))
        self._repeater.level = self.adaptation.level
        if self.adaptation.bitrate != before:
            self._encoder.set_bitrate(self.adaptation.bitrate)
        if self._outbox is not None:
            passed_ms = self._start_ms + report.echo_ms - DISORDER_MS
            self._outbox.acknowledge(
                report.pieces_highest, report.pieces, has_header=report.has_header, passed_ms=passed_ms
            )

    def poll(self, now_ms: float) -> list[bytes]:
        """Datagrams that are due without a frame: pieces again, sound that has waited."""
        if self._byes and not self.is_over and now_ms - self._bye_ms >= BYE_MS:
            return [self._bye(now_ms)]
        waits = bool(self._sound) and now_ms - self._sound_since_ms >= MAX_SOUND_WAIT_MS
        return self._datagrams([], now_ms) if waits or self._has_due(now_ms) else []

    def finish(self, now_ms: float) -> list[bytes]:
        """Encode and send what waits, and say that nothing follows, as `poll` does again until `is_over`.

        ConfigError where no frame was pushed.
        """
        out = self._send_packets(self._encoder.flush(), now_ms)
        if self._sound:
            out += self._datagrams([], now_ms)
        return [*out, self._bye(now_ms)]

    @property
    def is_over(self) -> bool:
        """Whether the receiver knows that nothing follows, or was told as often as it is worth."""
        return bool(self._byes) and (self._byes >= BYES or (self.report is not None and self.report.has_end))

    def _bye(self, now_ms: float) -> bytes:
        self._byes, self._bye_ms = self._byes + 1, now_ms
        body = self._end_tick.to_bytes(4, "big")
        data = self._writer.pack(DatagramKind.BYE, body, sent_ms=self._sent_ms(now_ms))
        self.traffic.add_media(data, [], [])
        return data

    def _begin(self, now_ms: float) -> None:
        if not self._started:
            self._started, self._start_ms = True, now_ms

    def _send_packets(self, packets: Iterable[Packet], now_ms: float) -> list[bytes]:
        """Datagrams of what an encoder gave."""
        motion: list[Chunk] = []
        for packet in packets:
            outbox = self._outbox = self._outbox or ReferenceOutbox(self._encoder.header)
            record = packet.record()
            if isinstance(record, ContentPart):
                outbox.add_part(record)
            elif isinstance(record, ContentRecord):
                outbox.add_content(record)
            elif isinstance(record, MotionPayload):
                source = outbox.source(record.reference)
                motion.append(MotionChunk(self._motion_index, packet.timestamp, source, packet.payload))
                self._motion_index += 1
        return self._datagrams(motion, now_ms) if motion or self._has_due(now_ms) else []

    def _has_due(self, now_ms: float) -> bool:
        return self._outbox is not None and self._outbox.has_due(now_ms, again_ms=self.adaptation.again_ms)

    def _datagrams(self, motion: list[Chunk], now_ms: float) -> list[bytes]:
        """Put motion, the sound that waits and pieces that are due into as few datagrams as they need."""
        sound, self._sound = self._sound, []
        pieces = [] if self._outbox is None else self._outbox.due(now_ms, again_ms=self.adaptation.again_ms)
        out: list[bytes] = []
        waiting: list[Chunk] = [*motion, *_sound_chunks(sound), *pieces]
        while waiting:
            room, chosen = self._writer.room_bytes, list[Chunk]()
            for chunk in waiting:
                size = len(pack_chunk(chunk))
                if size <= room:
                    chosen.append(chunk)
                    room -= size
            if not chosen:
                most = len(pack_chunk(waiting[0]))
                raise ConfigError(f"{most} bytes of motion in a packet, a datagram has {self._writer.room_bytes}")
            waiting = [chunk for chunk in waiting if not any(chunk is other for other in chosen)]
            has_media = any(not isinstance(chunk, Piece) for chunk in chosen)
            again = self._repeater.copies(room) if has_media else []
            self._repeater.remember(chosen)
            body = pack_chunks([*chosen, *again])
            data = self._writer.pack(
                DatagramKind.MEDIA, body, sent_ms=self._sent_ms(now_ms), repeats=len(again) and self._repeater.level
            )
            self.traffic.add_media(data, chosen, again)
            out.append(data)
        return out

    def _sent_ms(self, now_ms: float) -> int:
        return max(0, round(now_ms - self._start_ms))


def _sound_chunks(packets: list[OpusPacket]) -> list[Chunk]:
    """Chunks of runs of consecutive packets."""
    runs: list[list[OpusPacket]] = []
    for packet in packets:
        last = runs[-1] if runs else None
        if last and packet.tick == last[-1].tick + sound_chunk(last).frame_ticks:
            last.append(packet)
        else:
            runs.append([packet])
    return [sound_chunk(run) for run in runs]
