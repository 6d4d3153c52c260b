"""Sender of a call, without a socket: frames, Opus packets and reports in, datagrams out.

frames -> encoder -> pieces of references, motion --+
Opus packets ---------------------------------------+-> datagrams, with what was in the ones before
reports -> level of redundancy, bitrate, pieces to send again
budget.py -> room for copies and pieces, bitrate of the encoder
"""

import secrets
from collections import deque
from collections.abc import Iterable, Sequence
from fractions import Fraction

from bcdcodec.bitstream.packet import ContentPart, MotionPayload, Packet
from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.call.audio import sound_chunks
from bcdcodec.call.budget import LEAST_VIDEO_BPS, WireBudget, WirePlan
from bcdcodec.call.chunks import Chunk, MotionChunk, pack_chunk, pack_chunks
from bcdcodec.call.datagram import (
    CLOCK_MS,
    IP_UDP_BYTES,
    Checksum,
    DatagramKind,
    DatagramReader,
    DatagramWriter,
    Envelope,
)
from bcdcodec.call.feedback import Adaptation, Report
from bcdcodec.call.redundancy import Repeater
from bcdcodec.call.references import PIECE_BYTES, ReferenceOutbox
from bcdcodec.call.traffic import Traffic
from bcdcodec.codec.encode.encoder import Encoder
from bcdcodec.errors import BitstreamError, ConfigError
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
#: Datagrams with pictures that are told apart from others after they were returned.
RECENT_REFERENCES = 64


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
        self._budget = None if wire is None else WireBudget(wire)
        encoder.wait_for_references(lambda number: self._outbox is not None and self._outbox.has(number))
        self._writer = DatagramWriter(secrets.randbits(32) if session is None else session, envelope)
        self._reader = DatagramReader(envelope, self._writer.session)
        self._outbox: ReferenceOutbox | None = None
        self._repeater, self.adaptation, self.traffic = Repeater(), Adaptation(bitrate), Traffic()
        self._with_pieces: deque[bytes] = deque(maxlen=RECENT_REFERENCES)
        self._sound: list[OpusPacket] = []
        self._sound_since_ms = self._start_ms = 0.0
        self._started = False
        self._motion_index = self._end_tick = self._byes = 0
        self._bye_ms = self._media_ms = 0.0
        self._bitrate = bitrate  # that the encoder was told
        self._balance_ms = float("-inf")
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
        self._repeater.level = self.adaptation.level
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
        self._budget = WireBudget(wire, after=self._budget)
        self._encoder.set_packet_frames(wire.packet_frames)
        self._balance_ms = float("-inf")

    def poll(self, now_ms: float) -> list[bytes]:
        """Datagrams that are due without a frame: pieces again, sound that has waited."""
        if self._byes and not self.is_over and now_ms - self._bye_ms >= BYE_MS:
            return [self._bye(now_ms)]
        wait_ms = max(MAX_SOUND_WAIT_MS, self._repeater.packet_ms)
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
        return data in self._with_pieces

    @property
    def is_over(self) -> bool:
        """Whether the receiver knows that nothing follows, or was told as often as it is worth."""
        return bool(self._byes) and (self._byes >= BYES or (self.report is not None and self.report.has_end))

    def _bye(self, now_ms: float) -> bytes:
        self._byes, self._bye_ms = self._byes + 1, now_ms
        body = self._end_tick.to_bytes(4, "big")
        return self._pack(DatagramKind.BYE, body, [], [], now_ms)

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
                self._repeater.packet_ms = 1000 * record.frames / float(self._encoder.frame_rate)
        return self._datagrams(motion, now_ms) if motion or self._has_due(now_ms) else []

    def _new_outbox(self) -> ReferenceOutbox:
        size = PIECE_BYTES if self._budget is None else self._budget.plan.piece_bytes
        return ReferenceOutbox(self._encoder.header, piece_bytes=size)

    def _has_due(self, now_ms: float) -> bool:
        """Whether pieces are worth a datagram: where there is a budget, they wait for one with media."""
        if self._budget is not None and now_ms - self._media_ms < MAX_PIECE_WAIT_MS:
            return False
        return self._outbox is not None and self._outbox.has_due(now_ms, again_ms=self.adaptation.again_ms)

    def _datagrams(self, motion: list[Chunk], now_ms: float) -> list[bytes]:
        """Put motion, the sound that waits, copies and pieces that are due into as few datagrams as they need."""
        sound, self._sound = self._sound, []
        media: list[Chunk] = [*motion, *sound_chunks(sound)]
        out: list[bytes] = []
        while chosen := self._fitting(media):
            media = [chunk for chunk in media if not any(chunk is other for other in chosen)]
            out.append(self._send(chosen, now_ms))
        while data := self._send([], now_ms):
            out.append(data)
        return out

    def _fitting(self, media: list[Chunk]) -> list[Chunk]:
        """Those of the media that fit into one datagram."""
        room_bytes, chosen = self._writer.room_bytes, list[Chunk]()
        for chunk in media:
            size = len(pack_chunk(chunk))
            if size <= room_bytes:
                chosen.append(chunk)
                room_bytes -= size
        if media and not chosen:
            most = len(pack_chunk(media[0]))
            raise ConfigError(f"{most} bytes of motion in a packet, a datagram has {self._writer.room_bytes}")
        return chosen

    def _send(self, media: list[Chunk], now_ms: float) -> bytes:
        """A datagram of media, and of what there is room for beside them; none without either.

        What is not new follows what is: motion again, pieces, sound again; but pieces of the header come first.
        """
        around = self._writer.overhead_bytes + IP_UDP_BYTES
        size = len(pack_chunks(media))
        room = self._writer.room_bytes - size
        if self._budget is not None:
            room = min(room, self._budget.room_bytes(now_ms) - around - size)
        outbox, again_ms = self._outbox, self.adaptation.again_ms
        is_first = outbox is not None and outbox.lacks_header(now_ms, again_ms=again_ms)
        last = next((chunk for chunk in reversed(media) if isinstance(chunk, MotionChunk)), None)
        copies = self._repeater.motion(room, last) if media and not is_first else []
        room -= len(pack_chunks([last, *copies])) - len(pack_chunk(last)) if last else len(pack_chunks(copies))
        pieces = [] if outbox is None else outbox.due(now_ms, again_ms=again_ms, room_bytes=room)
        room -= len(pack_chunks(pieces))
        again = [*copies, *(self._repeater.sound(room) if media else [])]
        self._repeater.remember(media)
        if not media and not pieces:
            return b""
        self._media_ms = now_ms
        # Motion in front of its copies, whose numbers follow from its.
        order = sorted([*media, *pieces, *again], key=lambda chunk: not isinstance(chunk, MotionChunk))
        data = self._pack(DatagramKind.MEDIA, pack_chunks(order), order, again, now_ms)
        if pieces:
            self._with_pieces.append(data)
        return data

    def _pack(self, kind: DatagramKind, body: bytes, chunks: list[Chunk], again: list[Chunk], now_ms: float) -> bytes:
        data = self._writer.pack(kind, body, sent_ms=self._sent_ms(now_ms))
        self.traffic.add_media(data, chunks, again)
        if self._budget is not None:
            self._budget.spend(len(data) + IP_UDP_BYTES, now_ms)
        return data

    def _balance(self, now_ms: float) -> None:
        """Give the encoder what media and copies leave of the wire."""
        if self._budget is not None and now_ms - self._balance_ms >= REBALANCE_MS:
            self._balance_ms = now_ms
            self._budget.balance(self.traffic, now_ms)
            self._set_bitrate()

    def _set_bitrate(self) -> None:
        """Tell the encoder its bitrate where it has changed."""
        bitrate = self.adaptation.bitrate
        if self._budget is not None:
            share = min(1.0, self._budget.video_bitrate / self.adaptation.max_bitrate)
            bitrate = max(LEAST_VIDEO_BPS, share * bitrate)
        if abs(bitrate - self._bitrate) > REBALANCE * self._bitrate:
            self._bitrate = bitrate
            self._encoder.set_bitrate(bitrate)

    def _sent_ms(self, now_ms: float) -> int:
        return max(0, round(now_ms - self._start_ms))
