"""Packetizer: references and motion codes to packets that keep to the bitrate.

reference -> whole, or in parts between the motion packets before it --.
motion    -> min-distortion codes, or cheaper ones, or skipped --------+-> packets

No torch: everything here is numbers of the analysis.
"""

import math
from collections import deque
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.packet import MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.references import ReferenceSender
from bcdcodec.codec.encode.code_choice import CodeChoice
from bcdcodec.codec.encode.delivery import Delivery
from bcdcodec.codec.encode.units import AnalyzedUnit, MotionUnit
from bcdcodec.entropy.motion import MotionCoder
from bcdcodec.ratecontrol.budget import FRAMING_BYTES, SEEK_POINT_BITS
from bcdcodec.ratecontrol.controller import Controller
from bcdcodec.ratecontrol.tuning import RateTuning


class Packetizer:
    """Make one stream's packets, in order.

    controller: None for no limit of any kind. lookahead: the reference of the next shot is known before the motion of
    this one is sent, so that it can be sent ahead; packets then come one shot late. audio: audio packets will come in
    between.
    """

    def __init__(
        self,
        coder: MotionCoder,
        *,
        frame_rate: Fraction,
        key_interval_s: float,
        controller: Controller | None = None,
        lookahead: bool = False,
        audio: bool = False,
    ) -> None:
        self._coder, self._controller = coder, controller
        self._frame_rate, self._key_interval_s = frame_rate, key_interval_s
        self._lookahead, self._audio = lookahead, audio
        self._choice = CodeChoice(coder, RateTuning() if controller is None else controller.tuning)
        self._queue: deque[MotionUnit] = deque()
        self._due: deque[Delivery] = deque()  # should be there already: their motion is skipped until they are
        self._next: Delivery | None = None  # of motion that is not here yet
        self._reference_start = 0  # of the reference that motion is relative to
        self._last_key: int | None = None
        self._references = ReferenceSender()
        self._reference = 0  # of the last motion packet
        self._sequence = 0
        #: Frames that got no packet, because nothing fitted.
        self.skipped_frames = 0

    def push(self, unit: AnalyzedUnit) -> list[Packet]:
        """Take the next unit after the first reference, which is the header's."""
        if isinstance(unit, MotionUnit):
            self._queue.append(unit)
            return [] if self._lookahead else self._send_queue()
        self._next = Delivery(unit)
        if self._controller is not None:
            self._controller.reserve_content(self._next.bits, at_s=self._seconds(unit.start))
        packets = self._send_queue()
        if not unit.record.number:
            while self._due:
                late = self._due.popleft()
                if self._controller is not None:
                    self._controller.settle_content(late.bits)  # never came, and is not needed any more
            self._last_key = None
        self._due.append(self._next)
        self._references.keep(unit.record)
        self._next, self._reference_start = None, unit.start
        if unit.record.number and not self._lookahead:
            return packets  # nothing waits for it: it goes behind the motion, which has the same tick
        return packets + self._finish_deliveries(unit.start)

    def has_sent(self, number: int) -> bool:
        """Whether readers have this reference of the current shot."""
        references = self._references
        is_late = any(late.number in (0, number) for late in self._due)
        return number in references.kept and number in references.written and not is_late

    def flush(self) -> list[Packet]:
        """Send what still waits."""
        return self._send_queue()

    def _send_queue(self) -> list[Packet]:
        """Send all motion that waits, with parts of the next reference evenly in between."""
        packets: list[Packet] = []
        in_parts = self._next is not None and self._fills_the_bucket(self._next)
        while self._queue:
            motion = self._queue.popleft()
            packets += self._send_motion(motion)
            if in_parts and self._next is not None and not self._due:
                for tick in self._part_ticks(motion):
                    passed = (tick - self._reference_start) / (self._next.start - self._reference_start)
                    packets += self._send_part(self._next, tick, self._next.due_bytes(passed))
        return packets

    def _part_ticks(self, motion: MotionUnit) -> list[int]:
        """Ticks of the parts beside this motion: often enough that none of them fills the bucket."""
        controller = self._controller
        assert controller is not None and controller.bucket_s is not None, "only a bucket asks for parts"
        frames = len(motion.codes)
        interval_s = controller.tuning.part_interval_share * controller.bucket_s
        parts = math.ceil(frames / self._frame_rate / interval_s)
        return sorted({motion.start + frames * (2 * part + 1) // (2 * parts) for part in range(parts)})

    def _fills_the_bucket(self, delivery: Delivery) -> bool:
        """Whether a reference should go ahead in parts."""
        controller = self._controller
        if controller is None or controller.bucket_s is None:
            return False
        return delivery.bits > controller.tuning.max_whole_reference_share * controller.bucket_s * controller.bitrate

    def _send_motion(self, motion: MotionUnit) -> list[Packet]:
        packets = self._finish_deliveries(motion.start) if self._waits(motion) else []
        codes = None if self._waits(motion) else self._choose_codes(motion)
        if codes is None:
            self._skip(motion)
            return packets
        key, self._reference = self._is_key(motion), motion.reference
        if key:
            self._last_key = motion.start
            if self._controller is not None:
                self._controller.reserve(SEEK_POINT_BITS)
        payload = MotionPayload(len(codes), key, self._coder.encode(codes), motion.reference).pack()
        packet = self._packet(PacketKind.MOTION, motion.start, payload)
        packets.append(packet)
        has_bucket = self._controller is not None and self._controller.bucket_s is not None
        if self._lookahead or not self._due or not has_bucket:
            return packets + self._finish_deliveries(motion.start)
        for tick in self._part_ticks(motion):
            packets += self._finish_deliveries(tick, kept_bits=self._next_motion_bits(packet, motion.end - tick))
        return packets

    def _next_motion_bits(self, last: Packet, frames: int) -> float:
        """Room in the bucket, so many frames before the next motion, that a packet half as large again as the last one
        will need beside what drains until then.
        """
        assert self._controller is not None, "only limits leave room"
        return max(0.0, 1.5 * self._sent_bits(last) - self._controller.bitrate * self._seconds(frames))

    def _waits(self, motion: MotionUnit) -> bool:
        """Whether the reference of these frames, or the shot that they belong to, is still on its way."""
        return any(late.number in (0, motion.reference) for late in self._due)

    def _is_key(self, motion: MotionUnit) -> bool:
        if self._last_key is None or motion.reference != self._reference:
            return True
        return (motion.start - self._last_key) / self._frame_rate >= self._key_interval_s

    def _skip(self, motion: MotionUnit) -> None:
        """Leave frames without a packet; what follows is a key packet."""
        self.skipped_frames += len(motion.codes)
        self._last_key = None
        assert self._controller is not None, "only limits skip frames"
        self._controller.skip()

    def _choose_codes(self, motion: MotionUnit) -> NDArray[np.int64] | None:
        """Min-distortion codes, or cheaper ones where the limits ask for it; None where not even min-rate codes fit.

        Raises RateError where a file can only go on with more bits.
        """
        controller, key = self._controller, self._is_key(motion)
        if controller is None:
            return motion.codes

        def size_bits(codes: NDArray[np.int64]) -> int:
            payload = MotionPayload(len(codes), key, self._coder.encode(codes), motion.reference).pack()
            packet = Packet(PacketKind.MOTION, self._sequence, motion.start, payload)
            return self._sent_bits(packet) + SEEK_POINT_BITS * key

        start_s, end_s = self._seconds(motion.start), self._seconds(motion.end)
        budget = controller.motion_budget(start_s, end_s)
        codes = self._choice.choose(motion, budget, size_bits=size_bits)
        if codes is not None:
            controller.code(limited=not np.array_equal(codes, motion.codes))
            return codes
        needed_bits = size_bits(self._choice.cheapest(motion))
        refusal = controller.refusal(needed_bits, start_s, end_s)
        if refusal is not None:
            raise refusal
        return None

    def _finish_deliveries(self, tick: int, *, kept_bits: float = 0.0) -> list[Packet]:
        """Send the rest of the references that are due, in order, as far as there is room; then a part of the next.

        kept_bits: room that is left for others.
        """
        packets: list[Packet] = []
        while self._due:
            delivery = self._due[0]
            room_bits = math.inf
            if self._controller is not None:
                room_bits = self._controller.room_bits(self._seconds(tick)) - kept_bits
            if delivery.bits > room_bits:
                return packets + self._send_part(delivery, tick, delivery.left_bytes, kept_bits=kept_bits)
            if self._controller is not None:
                self._controller.settle_content(delivery.bits)
            self._due.popleft()
            record = self._references.write(delivery.record())
            packets.append(self._packet(PacketKind.CONTENT, tick, record.pack()))
        return packets

    def _send_part(self, delivery: Delivery, tick: int, count: int, *, kept_bits: float = 0.0) -> list[Packet]:
        """Send at most `count` bytes of a reference ahead, as far as there is room beside `kept_bits`."""
        controller = self._controller
        assert controller is not None, "without limits nothing goes in parts"
        room_bytes = int(max(0.0, controller.room_bits(self._seconds(tick)) - kept_bits)) // 8 - FRAMING_BYTES
        tuning, min_bytes = controller.tuning, controller.tuning.min_part_bytes
        if controller.bucket_s is not None:
            quarter = int(controller.bucket_s * controller.bitrate) // 32
            min_bytes = max(tuning.least_part_bytes, min(min_bytes, quarter))
        part = delivery.split(min(count, room_bytes), min_bytes=min_bytes)
        if part is None:
            return []
        controller.settle_content(8 * len(part.data))
        return [self._packet(PacketKind.CONTENT_PART, tick, part.pack())]

    def _packet(self, kind: PacketKind, timestamp: int, payload: bytes) -> Packet:
        packet = Packet(kind, self._sequence, timestamp, payload)
        self._sequence += 1
        if self._controller is not None:
            self._controller.send(self._seconds(timestamp), self._sent_bits(packet))
        return packet

    def _sent_bits(self, packet: Packet) -> int:
        return 8 * (packet.size + self._audio)  # audio packets in between make sequence numbers longer

    def _seconds(self, tick: int) -> float:
        return float(tick / self._frame_rate)
