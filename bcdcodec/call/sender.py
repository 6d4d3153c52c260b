"""Sender of a call, without a socket: frames, Opus packets and reports in, datagrams out.

frames -> encoder -> pieces of references, motion --+
Opus packets ---------------------------------------+-> composer.py -> datagrams
reports -> level of redundancy, bitrate, pieces to send again
budget.py -> bitrate of the encoder
"""

import secrets
from collections.abc import Iterable, Sequence
from fractions import Fraction

from bcdcodec.bitstream.packet import ContentPart, MotionPayload, Packet
from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.call.audio import sound_chunks
from bcdcodec.call.budget import LEAST_VIDEO_BPS, WirePlan
from bcdcodec.call.chunks import Chunk, MotionChunk
from bcdcodec.call.composer import DatagramComposer
from bcdcodec.call.datagram import (
    CLOCK_MS,
    Checksum,
    DatagramKind,
    DatagramReader,
    DatagramWriter,
    Envelope,
)
from bcdcodec.call.feedback import Adaptation, Report
from bcdcodec.call.references import PIECE_BYTES, ReferenceOutbox
from bcdcodec.call.traffic import Traffic
from bcdcodec.codec.encode.encoder import Encoder
from bcdcodec.errors import BitstreamError
from bcdcodec.frame import Frame
from bcdcodec.video.audio import OpusPacket

#: Sound waits so long for motion to share a datagram with, or as long as packets of motion are.
MAX_SOUND_WAIT_MS = 200.0
#: Pieces wait so long for media to share a datagram with, where there is a budget.
MAX_PIECE_WAIT_MS = 500.0
#: The bitrate of the encoder follows the budget where it changes by this share, each second.
REBALANCE, REBALANCE_MS = 0.05, 1000.0
#: Datagrams that were sent so long before one that came are lost, if they did not come.
DISORDER_MS = 100.0
#: The end is said so often at most, at this interval, until a report tells that it came.
BYES, BYE_MS = 12, 250.0


class Sender:
    """One direction of media. Times are the caller's, in ms of any clock that never goes back. One thread at a time may
    use it, and its encoder with it.

    bitrate: of the encoder, the most that it is asked for. wire: how a bitrate of the wire is divided, None for no
    limit. session: None for one drawn at random. envelope: a `Seal`, or None for a checksum; what a receiver uses must
    be the same.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        bitrate: float,
        wire: WirePlan | None = None,
        session: int | None = None,
        envelope: Envelope | None = None,
    ) -> None:
        envelope = envelope or Checksum()
        self._encoder = encoder
        encoder.wait_for_references(lambda number: self._outbox is not None and self._outbox.has(number))
        writer = DatagramWriter(secrets.randbits(32) if session is None else session, envelope)
        self.session, self._reader = writer.session, DatagramReader(envelope, writer.session)
        self._outbox: ReferenceOutbox | None = None
        self.adaptation, self._composer = Adaptation(bitrate), DatagramComposer(writer, wire)
        self._sound: list[OpusPacket] = []
        self._sound_since_ms = self._start_ms = 0.0
        self._started = False
        self._motion_index = self._end_tick = self._byes = 0
        self._bye_ms = 0.0
        self._bitrate = bitrate  # that the encoder was told
        self._balance_ms = float("-inf")
        #: The last report, None before the first; datagrams that were no report of this session.
        self.report: Report | None = None
        self.refused = 0

    @property
    def traffic(self) -> Traffic:
        """What was sent."""
        return self._composer.traffic

    @property
    def frame_rate(self) -> Fraction:
        """Frames a second, which their indices count."""
        return self._encoder.frame_rate

    def set_bitrate(self, bitrate: float) -> None:
        """Go on with another bitrate as the most that the encoder is asked for. ConfigError for one out of range."""
        self._encoder.set_bitrate(bitrate)
        self._bitrate = bitrate
        self.adaptation.set_max_bitrate(bitrate)
        self._set_bitrate()

    def push_frame(self, frame: Frame, now_ms: float) -> list[bytes]:
        """Encode a frame, whose time is its index at the encoder's frame rate; returns datagrams."""
        self._begin(now_ms)
        if self.adaptation.needs_reference:
            self.adaptation.needs_reference = False
            self._encoder.request_reference()
        self._end_tick = frame.index + 1
        self._balance(now_ms)
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
        self.report = report
        age_ms = float((self._sent_ms(now_ms) - report.echo_ms) % CLOCK_MS)
        self.adaptation.observe(report, now_ms, age_ms=age_ms)
        self._composer.repeater.level = self.adaptation.level
        self._set_bitrate()
        if self._outbox is not None:
            self._outbox.acknowledge(
                report.pieces_highest,
                report.pieces,
                has_header=report.has_header,
                passed_ms=now_ms - age_ms - DISORDER_MS,
            )

    def set_wire_bitrate(self, wire: WirePlan) -> None:
        """Go on with another plan; its frames a packet are the encoder's from the next packet on."""
        self._composer.set_plan(wire)
        self._encoder.set_packet_frames(wire.packet_frames)
        self._balance_ms = float("-inf")

    def poll(self, now_ms: float) -> list[bytes]:
        """Datagrams that are due without a frame: pieces again, sound that has waited."""
        if self._byes and not self.is_over and now_ms - self._bye_ms >= BYE_MS:
            return [self._bye(now_ms)]
        wait_ms = max(MAX_SOUND_WAIT_MS, self._composer.repeater.packet_ms)
        waits = bool(self._sound) and now_ms - self._sound_since_ms >= wait_ms
        return self._datagrams([], now_ms) if waits or self._has_due(now_ms) else []

    def finish(self, now_ms: float) -> list[bytes]:
        """Encode and send what waits, and say that nothing follows, as `poll` does again until `is_over`.

        ConfigError where no frame was pushed.
        """
        out = self._send_packets(self._encoder.flush(), now_ms)
        if self._sound:
            out += self._datagrams([], now_ms)
        return [*out, self._bye(now_ms)]

    def has_reference(self, data: bytes) -> bool:
        """Whether a datagram that was just returned carries a part of a picture: where a transport has a reliable way
        beside the other, these are better off there.
        """
        return self._composer.has_pieces(data)

    @property
    def is_over(self) -> bool:
        """Whether the receiver knows that nothing follows, or was told as often as it is worth."""
        return bool(self._byes) and (self._byes >= BYES or (self.report is not None and self.report.has_end))

    def _bye(self, now_ms: float) -> bytes:
        self._byes, self._bye_ms = self._byes + 1, now_ms
        body = self._end_tick.to_bytes(4, "big")
        return self._composer.pack(DatagramKind.BYE, body, [], [], now_ms, sent_ms=self._sent_ms(now_ms))

    def _begin(self, now_ms: float) -> None:
        if not self._started:
            self._started, self._start_ms = True, now_ms

    def _send_packets(self, packets: Iterable[Packet], now_ms: float) -> list[bytes]:
        """Datagrams of what an encoder gave."""
        motion: list[Chunk] = []
        for packet in packets:
            outbox = self._outbox = self._outbox or self._new_outbox()
            record = packet.record()
            if isinstance(record, ContentPart):
                outbox.add_part(record)
            elif isinstance(record, ContentRecord):
                outbox.add_content(record)
            elif isinstance(record, MotionPayload):
                source = outbox.source(record.reference)
                motion.append(MotionChunk(self._motion_index, packet.timestamp, source, packet.payload))
                self._motion_index += 1
                self._composer.repeater.packet_ms = 1000 * record.frames / float(self._encoder.frame_rate)
        return self._datagrams(motion, now_ms) if motion or self._has_due(now_ms) else []

    def _new_outbox(self) -> ReferenceOutbox:
        budget = self._composer.budget
        size = PIECE_BYTES if budget is None else budget.plan.piece_bytes
        return ReferenceOutbox(self._encoder.header, piece_bytes=size)

    def _has_due(self, now_ms: float) -> bool:
        """Whether pieces are worth a datagram: where there is a budget, they wait for one with media."""
        if self._composer.budget is not None and now_ms - self._composer.media_ms < MAX_PIECE_WAIT_MS:
            return False
        return self._outbox is not None and self._outbox.has_due(now_ms, again_ms=self.adaptation.again_ms)

    def _datagrams(self, motion: list[Chunk], now_ms: float) -> list[bytes]:
        """Datagrams of motion, and of the sound that waits."""
        media, self._sound = [*motion, *sound_chunks(self._sound)], []
        return self._composer.compose(
            media, self._outbox, now_ms, sent_ms=self._sent_ms(now_ms), again_ms=self.adaptation.again_ms
        )

    def _balance(self, now_ms: float) -> None:
        """Give the encoder what media and copies leave of the wire."""
        budget = self._composer.budget
        if budget is not None and now_ms - self._balance_ms >= REBALANCE_MS:
            self._balance_ms = now_ms
            budget.balance(self.traffic, now_ms)
            self._set_bitrate()

    def _set_bitrate(self) -> None:
        """Tell the encoder its bitrate where it has changed."""
        bitrate = self.adaptation.bitrate
        if self._composer.budget is not None:
            share = min(1.0, self._composer.budget.video_bitrate / self.adaptation.max_bitrate)
            bitrate = max(LEAST_VIDEO_BPS, share * bitrate)
        if abs(bitrate - self._bitrate) > REBALANCE * self._bitrate:
            self._bitrate = bitrate
            self._encoder.set_bitrate(bitrate)

    def _sent_ms(self, now_ms: float) -> int:
        return max(0, round(now_ms - self._start_ms))
