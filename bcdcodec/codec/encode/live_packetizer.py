"""Packetizer of a call: motion at once, the parts of a reference beside it, every packet within a size.

motion    -> min-distortion codes, or cheaper ones, or skipped --+-> packets of at most `max_packet_bytes`
reference -> parts of what the bucket has left, then its end  ---+

Limits hold by the time at which a packet leaves, which is that of the last frame pushed. No torch.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.packet import MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import MAX_PARTS, ContentRecord
from bcdcodec.codec.encode.code_choice import CodeChoice
from bcdcodec.codec.encode.delivery import Delivery
from bcdcodec.codec.encode.units import MotionUnit, ReferenceUnit
from bcdcodec.entropy.motion import MotionCoder
from bcdcodec.ratecontrol.budget import FRAMING_BYTES
from bcdcodec.ratecontrol.controller import PacketBudget
from bcdcodec.ratecontrol.live import LiveController


class LivePacketizer:
    """Makes the packets of a call, in order. most_references: that the shot has at a time, the header's included.

    origin: index of the first frame, where the time of emission begins.
    """

    def __init__(
        self,
        coder: MotionCoder,
        controller: LiveController,
        *,
        frame_rate: Fraction,
        key_interval_s: float,
        max_packet_bytes: int,
        most_references: int,
        origin: int,
    ) -> None:
        self._coder, self._controller = coder, controller
        self._choice = CodeChoice(coder, controller.tuning)
        self._frame_rate, self._key_interval_s = frame_rate, key_interval_s
        self._max_packet_bytes, self._most, self._origin = max_packet_bytes, most_references, origin
        self._sequence = 0
        self._sent = [0]  # numbers of the references that the shot has, in order
        self._shot: ContentRecord | None = None  # that begins a shot, and did not fit yet
        self._delivery: Delivery | None = None
        self._is_asked = False  # the reference on its way was asked for
        self._last: MotionUnit | None = None  # that was sent
        self._last_key = 0  # tick
        #: Frames that got no packet, because nothing fitted.
        self.skipped_frames = 0

    @property
    def delivered(self) -> int:
        """Number of the last reference that was sent whole."""
        return self._sent[-1]

    @property
    def is_delivering(self) -> bool:
        """Whether a reference is on its way."""
        return self._delivery is not None

    @property
    def is_delivering_asked(self) -> bool:
        """Whether a reference that was asked for is on its way."""
        return self._delivery is not None and self._is_asked

    def begin_shot(self, record: ContentRecord) -> None:
        """Begin a shot by a record that frames are never made from; a reference on its way is given up."""
        self._shot, self._delivery, self._last, self._sent = record, None, None, [0]

    def deliver(self, unit: ReferenceUnit, *, is_asked: bool) -> None:
        """Begin to send a reference, in place of one on its way."""
        self._delivery, self._is_asked = Delivery(unit), is_asked

    def send_motion(self, motion: MotionUnit, now: int) -> list[Packet]:
        """The packet of some frames, or none where it does not fit. now: index of the last frame pushed."""
        at_s, duration_s = self._seconds(now), float(len(motion.codes) / self._frame_rate)
        key = self._is_key(motion)

        def packet_of(codes: NDArray[np.int64]) -> Packet:
            payload = MotionPayload(len(codes), key, self._coder.encode(codes), motion.reference).pack()
            return Packet(PacketKind.MOTION, self._sequence, motion.start, payload)

        budget = self._controller.motion_budget(at_s, duration_s, is_shared=self.is_delivering_asked)
        most_bits = min(budget.max_bits, 8 * self._max_packet_bytes)
        budget = PacketBudget(target_bits=min(budget.target_bits, most_bits), max_bits=most_bits)
        codes = self._choice.choose(motion, budget, size_bits=lambda codes: 8 * packet_of(codes).size)
        if codes is None:
            self.skip(len(motion.codes))
            return []
        self._last, self._last_key = motion, motion.start if key else self._last_key
        packet = packet_of(codes)
        self._controller.send_motion(at_s, 8 * packet.size, duration_s)
        self._sequence += 1
        return [packet]

    def skip(self, frames: int) -> None:
        """Leave frames without a packet; what follows is a key packet."""
        self.skipped_frames += frames
        self._controller.skip_motion(float(frames / self._frame_rate))

    def send_references(self, now: int, *, motion_in: int) -> list[Packet]:
        """What there is room for of the reference on its way. motion_in: frames until the next motion packet, for which
        room is left.
        """
        packets: list[Packet] = []
        if self._shot is not None:
            shot = Packet(PacketKind.CONTENT, self._sequence, now, self._shot.pack())
            if 8 * shot.size > self._controller.room_bits(self._seconds(now)):
                return []
            packets.append(self._send(shot, now))
            self._shot = None
        while self._delivery is not None:
            room_bits = self._controller.picture_room_bits(
                self._seconds(now), motion_in_s=float(motion_in / self._frame_rate)
            )
            room_bytes = min(int(max(0.0, room_bits)) // 8, self._max_packet_bytes)
            if self._delivery.bits <= 8 * room_bytes:
                packets.append(self._finish(self._delivery, now))
                self._delivery = None
                break
            part = self._delivery.split(room_bytes - FRAMING_BYTES, min_bytes=self._min_part_bytes(self._delivery))
            if part is None:
                break
            packets.append(self._send(Packet(PacketKind.CONTENT_PART, self._sequence, now, part.pack()), now))
        return packets

    def _finish(self, delivery: Delivery, now: int) -> Packet:
        record = delivery.record()
        if len(self._sent) == self._most:
            record = replace(record, drops=self._sent.pop(1))
        self._sent.append(record.number)
        return self._send(Packet(PacketKind.CONTENT, self._sequence, now, record.pack()), now)

    def _min_part_bytes(self, delivery: Delivery) -> int:
        """Bytes of a part at least: framing stays the smaller share, and so many parts are never needed."""
        tuning = self._controller.tuning
        quarter = int(self._controller.bucket_bits) // 32
        wanted = max(tuning.least_part_bytes, min(tuning.min_part_bytes, quarter))
        return max(wanted, -(-delivery.total_bytes // (MAX_PARTS - 1)))

    def _is_key(self, motion: MotionUnit) -> bool:
        last = self._last
        if last is None or motion.reference != last.reference or motion.start != last.end:
            return True
        return (motion.start - self._last_key) / self._frame_rate >= self._key_interval_s

    def _send(self, packet: Packet, now: int) -> Packet:
        self._controller.send(self._seconds(now), 8 * packet.size)
        self._sequence += 1
        return packet

    def _seconds(self, index: int) -> float:
        return float((index - self._origin) / self._frame_rate)
