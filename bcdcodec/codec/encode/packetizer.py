"""Contents and codes to packets that keep to the bitrate. In: findings of codec/encode/analysis.py. Out: packets.

content -> all at once, or in parts between the motion before it ------.
motion  -> nearest codes, or cheaper ones, or held -> entropy coder ----+-> packets

No torch: everything here is numbers that were analysed before.
"""

import itertools
import math
from collections import deque
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.packet import ContentPart, MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import MAX_PARTS, CodingMode, ContentRecord
from bcdcodec.codec.encode.units import AnalyzedUnit, MotionUnit, ReferenceUnit
from bcdcodec.entropy.motion import MotionCoder
from bcdcodec.entropy.static import code_cost_bits
from bcdcodec.errors import RateError
from bcdcodec.ratecontrol.budget import SEEK_POINT_BITS
from bcdcodec.ratecontrol.controller import Controller, State
from bcdcodec.ratecontrol.rdo import rdo_quantize

#: Bytes that a packet of parts carries at least, so that framing stays the smaller part.
MIN_PART_BYTES = 24
#: Framing of a packet at most.
FRAMING_BYTES = 18
#: A content is sent in parts where it would fill more of the bucket than this.
WHOLE_SHARE = 0.5
#: A packet whose cheapest codes are more than its share may take so many of it before all of its codes are those.
MOST_SHARES = 1.5
#: Parts are this share of the bucket's seconds apart at most.
PART_SHARE = 0.5


class _Delivery:
    """A content record on its way: what is left of its data, and how many parts went ahead."""

    def __init__(self, content: ReferenceUnit) -> None:
        self.content = content
        self.left = content.record.data
        self.parts = 0

    @property
    def start(self) -> int:
        """Frame that the content is for."""
        return self.content.start

    @property
    def sent(self) -> int:
        """Bytes that went ahead."""
        return len(self.content.record.data) - len(self.left)

    @property
    def bits(self) -> int:
        """What the rest takes at least, framing counted."""
        return 8 * (len(self.left) + FRAMING_BYTES + ContentRecord.WIRE.size)

    def record(self) -> ContentRecord:
        """The record of the CONTENT packet that ends it."""
        return replace(self.content.record, data=self.left, parts=self.parts)


class Packetizer:
    """One stream's packets, in order. lookahead: the content of the next shot is known before the motion of this one
    is sent, so that it can be sent ahead; packets then come one shot late.

    controller: None for no limit of any kind. sound: other packets will come in between.
    """

    def __init__(
        self,
        coder: MotionCoder,
        *,
        frame_rate: Fraction,
        key_interval_s: float,
        controller: Controller | None = None,
        lookahead: bool = False,
        sound: bool = False,
    ) -> None:
        self._coder, self._controller = coder, controller
        self._frame_rate, self._key_interval_s = frame_rate, key_interval_s
        self._lookahead, self._sound = lookahead, sound
        self._table_bits = code_cost_bits(coder.table)
        self._queue: deque[MotionUnit] = deque()
        self._due: _Delivery | None = None  # should be in force already: motion is held until it is
        self._next: _Delivery | None = None  # of motion that is not here yet
        self._content_start = 0  # of the content that motion is relative to
        self._last_key: int | None = None
        self._sequence = 0
        #: Frames that got no packet, because nothing fitted.
        self.skipped_frames = 0

    def take(self, finding: AnalyzedUnit) -> list[Packet]:
        """The next finding after the first content, which is the header's."""
        if isinstance(finding, MotionUnit):
            self._queue.append(finding)
            return [] if self._lookahead else self._send_queue()
        self._next = _Delivery(finding)
        if self._controller is not None:
            self._controller.reserve_content(self._next.bits, at_s=self._seconds(finding.start))
        packets = self._send_queue()
        if self._due is not None and self._controller is not None:
            self._controller.settle_content(self._due.bits)  # never came, and is not needed any more
        self._due, self._next = self._next, None
        self._content_start, self._last_key = finding.start, None
        return packets + self._deliver(self._due, finding.start)

    def finish(self) -> list[Packet]:
        """What still waits."""
        return self._send_queue()

    def _send_queue(self) -> list[Packet]:
        """All motion that waits, with parts of the next content evenly in between."""
        packets: list[Packet] = []
        in_parts = self._next is not None and self._fills_the_bucket(self._next)
        while self._queue:
            motion = self._queue.popleft()
            packets += self._send_motion(motion)
            if in_parts and self._next is not None and self._due is None:
                for tick in self._part_ticks(motion):
                    passed = (tick - self._content_start) / (self._next.start - self._content_start)
                    due = round(passed * len(self._next.content.record.data))  # evenly in time
                    packets += self._send_part(self._next, tick, due - self._next.sent)
        return packets

    def _part_ticks(self, motion: MotionUnit) -> list[int]:
        """When parts are sent beside this motion: often enough that none of them fills the bucket."""
        controller = self._controller
        assert controller is not None and controller.bucket_s is not None, "only a bucket asks for parts"
        frames = len(motion.codes)
        parts = math.ceil(frames / self._frame_rate / (PART_SHARE * controller.bucket_s))
        return sorted({motion.start + frames * (2 * part + 1) // (2 * parts) for part in range(parts)})

    def _fills_the_bucket(self, delivery: _Delivery) -> bool:
        """Whether a content should go ahead in parts."""
        if self._controller is None or self._controller.bucket_s is None:
            return False
        return delivery.bits > WHOLE_SHARE * self._controller.bucket_s * self._controller.bitrate

    def _send_motion(self, motion: MotionUnit) -> list[Packet]:
        packets = [] if self._due is None else self._deliver(self._due, motion.start)
        chosen = self._choose(motion) if self._due is None else None
        if chosen is None:
            self._hold(motion)
            return packets
        key = self._is_key(motion.start)
        if key:
            self._last_key = motion.start
            if self._controller is not None:
                self._controller.reserve(SEEK_POINT_BITS)
        payload = MotionPayload(len(chosen), key, self._coder.encode(chosen)).pack()
        return [*packets, self._packet(PacketKind.MOTION, motion.start, payload)]

    def _is_key(self, start: int) -> bool:
        return self._last_key is None or (start - self._last_key) / self._frame_rate >= self._key_interval_s

    def _hold(self, motion: MotionUnit) -> None:
        """The frames pass without a packet; what follows starts anew."""
        self.skipped_frames += len(motion.codes)
        self._last_key = None
        assert self._controller is not None, "only limits make frames wait"
        self._controller.state = State.HOLD

    def _choose(self, motion: MotionUnit) -> NDArray[np.int64] | None:
        """Nearest codes, or cheaper ones where the limits ask for it; None where not even the cheapest fit.

        Raises RateError where a file can only go on with more bits.
        """
        controller, key = self._controller, self._is_key(motion.start)
        if controller is None:
            return motion.codes

        def size_bits(chosen: NDArray[np.int64]) -> int:
            payload = MotionPayload(len(chosen), key, self._coder.encode(chosen)).pack()
            packet = Packet(PacketKind.MOTION, self._sequence, motion.start, payload)
            return self._spent_bits(packet) + SEEK_POINT_BITS * key

        start_s, end_s = self._seconds(motion.start), self._seconds(motion.end)
        allowance = controller.motion(start_s, end_s)
        prices = [self._table_bits]
        if self._coder.mode is CodingMode.CONTEXT:  # those of the table remain: the cheapest codes are cheapest by them
            prices.insert(0, self._coder.rate_bits(motion.codes))
        more = min(MOST_SHARES * allowance.bits, allowance.max_bits)
        for limit, rate_bits in itertools.product((allowance.bits, more), prices):
            try:
                chosen = rdo_quantize(motion.distances, rate_bits, allowance_bits=limit, size_bits=size_bits)
            except RateError:
                continue
            controller.state = State.CODE if np.array_equal(chosen, motion.codes) else State.RATE_LIMITED
            return chosen
        cheapest = np.broadcast_to(self._table_bits.argmin(-1), motion.codes.shape)
        needed = size_bits(cheapest)
        if needed <= allowance.max_bits:
            controller.state = State.RATE_LIMITED
            return cheapest
        refusal = controller.refusal(needed, start_s, end_s)
        if refusal is not None:
            raise refusal
        return None

    def _deliver(self, delivery: _Delivery, tick: int) -> list[Packet]:
        """The rest of the content that is due, if there is room for it; else a part."""
        room = math.inf if self._controller is None else self._controller.room_bits(self._seconds(tick))
        if delivery.bits > room:
            return self._send_part(delivery, tick, len(delivery.left))
        if self._controller is not None:
            self._controller.settle_content(delivery.bits)
        self._due = None
        return [self._packet(PacketKind.CONTENT, tick, delivery.record().pack())]

    def _send_part(self, delivery: _Delivery, tick: int, count: int) -> list[Packet]:
        """At most `count` bytes of a content on its way, as far as there is room; nothing where that is too little."""
        controller = self._controller
        assert controller is not None, "without limits nothing goes in parts"
        room_bytes = int(max(0.0, controller.room_bits(self._seconds(tick)))) // 8 - FRAMING_BYTES
        count = min(count, room_bytes, len(delivery.left) - 1)
        if count < MIN_PART_BYTES or delivery.parts == MAX_PARTS:
            return []
        part = ContentPart(delivery.parts, delivery.left[:count])
        delivery.left = delivery.left[count:]
        delivery.parts += 1
        controller.settle_content(8 * count)
        return [self._packet(PacketKind.CONTENT_PART, tick, part.pack())]

    def _packet(self, kind: PacketKind, timestamp: int, payload: bytes) -> Packet:
        packet = Packet(kind, self._sequence, timestamp, payload)
        self._sequence += 1
        if self._controller is not None:
            self._controller.send(self._seconds(timestamp), self._spent_bits(packet))
        return packet

    def _spent_bits(self, packet: Packet) -> int:
        # Sound in between makes sequence numbers longer.
        return 8 * (packet.size + self._sound)

    def _seconds(self, tick: int) -> float:
        return float(tick / self._frame_rate)
