"""Bit allocation of a file: how many references, how large, and what is left for motion.

Motion gets what its min-distortion codes take; references, which were chosen before (codec/encode/references.py), share
the rest. Where the rest is short of their target size, references and motion share what the min-rate codes leave.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate

from bcdcodec.errors import RateError
from bcdcodec.ratecontrol.budget import END_RESERVE_BITS, GRACE_S, SEEK_POINT_BITS, allowed_bits
from bcdcodec.ratecontrol.stats import FirstPassStats
from bcdcodec.ratecontrol.tuning import RateTuning

#: Framing of a reference that is sent in parts.
REFERENCE_FRAMING_BITS = 8 * 60


@dataclass(frozen=True, slots=True)
class PlannedReference:
    """A reference in force from frame `start` on: its planned and its largest size in bits, framing included."""

    start: int
    bits: int
    max_bits: int


@dataclass(frozen=True)
class RatePlan:
    """References in order, the first one that of the header, and what motion is planned to take."""

    stats: FirstPassStats
    references: tuple[PlannedReference, ...]
    tuning: RateTuning

    def enlarged(self, bits: int) -> "RatePlan | None":
        """This plan with `bits` more for references, evenly among those that may grow; None where none may."""
        if self.stats.reference_bits is not None:
            return None
        sizes = [reference.bits for reference in self.references]
        # Those with the least room first: what they cannot take goes to the others.
        by_room = sorted(range(len(sizes)), key=lambda index: self.references[index].max_bits - sizes[index])
        for done, index in enumerate(by_room):
            room = max(0, self.references[index].max_bits - sizes[index])
            more = min(room, bits // (len(sizes) - done))
            sizes[index] += more
            bits -= more
        pairs = zip(self.references, sizes, strict=True)
        references = tuple(replace(reference, bits=size) for reference, size in pairs)
        return None if references == self.references else replace(self, references=references)

    def motion_ratio(self, bitrate: float) -> float:
        """Share of its min-distortion bits that motion gets."""
        references = sum(reference.bits for reference in self.references)
        return (_payload_bits(self.stats, bitrate) - references) / max(1.0, self._distortion_sums[-1])

    def largest_packet_bits(self, bitrate: float) -> float:
        """Planned size of the largest motion packet."""
        most = max(packet.min_distortion_bits for packet in self.stats.packets)
        return min(1.0, self.motion_ratio(bitrate)) * most

    def motion_bits(self, start_s: float, end_s: float, *, left_bits: float) -> float:
        """Share of `left_bits`, all that is left for motion, of the frames from `start_s` to `end_s`: their min-rate
        bits, and of the slack beyond all min-rate bits a share in proportion to what min distortion takes beyond them.
        """
        nearest, own_floor = self._motion_cost(start_s, end_s)
        nearest_left, floor_left = self._motion_cost(start_s, math.inf)
        slack = left_bits - floor_left
        if slack < 0:
            return left_bits * own_floor / max(1.0, floor_left)
        return own_floor + slack * (nearest - own_floor) / max(1.0, nearest_left - floor_left)

    def planned_bits(self, at_s: float) -> float:
        """Planned size of the reference in force at this time, framing included; 0 for that of the header."""
        index = self._index(at_s)
        return float(self.references[index].bits) if index else 0.0

    def picture_bits(self, at_s: float, *, left_bits: float, motion_from_s: float) -> int:
        """Size of the picture that is made for this time: the planned one, and a share of what motion will not take.

        left_bits: of the whole file, less what is planned for references. motion_from_s: motion before it is sent.
        """
        if self.tuning.fixed_reference_bits is not None:
            return self.tuning.fixed_reference_bits
        index = self._index(at_s)
        motion_bits = _planned_motion_bits(*self._motion_cost(motion_from_s, math.inf), self.tuning)
        spare = left_bits - motion_bits if index else 0.0  # at first nothing is spent
        reference = self.references[index]
        bits = min(reference.bits + int(spare / (len(self.references) - index)), reference.max_bits)
        return max(self.tuning.min_reference_bits, bits - REFERENCE_FRAMING_BITS)

    def _index(self, at_s: float) -> int:
        frame = round(at_s * self.stats.frame_rate)
        return bisect_right([reference.start for reference in self.references], frame) - 1

    def _motion_cost(self, start_s: float, end_s: float) -> tuple[float, float]:
        """Bits of these frames' motion at min distortion and at min rate."""
        (before_nearest, before_floor), (nearest, floor) = self._cost_until(start_s), self._cost_until(end_s)
        return nearest - before_nearest, floor - before_floor

    def _cost_until(self, at_s: float) -> tuple[float, float]:
        """Bits of all motion before this time, a packet's spread evenly over its frames."""
        if math.isinf(at_s):
            return self._distortion_sums[-1], self._rate_sums[-1]
        frame = float(at_s * self.stats.frame_rate)
        index = bisect_right(self._starts, frame + 1e-6) - 1
        packet = self.stats.packets[index]
        inside = min(1.0, (frame - packet.start) / packet.frames)
        return (
            self._distortion_sums[index] + inside * packet.min_distortion_bits,
            self._rate_sums[index] + inside * packet.min_rate_bits,
        )

    @cached_property
    def _starts(self) -> list[int]:
        return [packet.start for packet in self.stats.packets]

    @cached_property
    def _distortion_sums(self) -> list[float]:
        return [0.0, *accumulate(float(packet.min_distortion_bits) for packet in self.stats.packets)]

    @cached_property
    def _rate_sums(self) -> list[float]:
        return [0.0, *accumulate(float(packet.min_rate_bits) for packet in self.stats.packets)]


def plan_rate(stats: FirstPassStats, bitrate: float, *, bucket: bool, tuning: RateTuning) -> RatePlan:
    """Share out `bitrate` bit/s of the file's length (GRACE_S at least). bucket: references are sent ahead, evenly.

    Raises RateError, which names the least bitrate that would do.
    """
    total_bits = _payload_bits(stats, bitrate)
    if stats.reference_bits is not None:
        floor_bits = sum(stats.reference_bits)
        sizes = list(stats.reference_bits)
    else:
        floor_bits = (tuning.min_reference_bits + REFERENCE_FRAMING_BITS) * len(stats.shots)
        sizes = [_reference_size(stats, bitrate, tuning)] * len(stats.references)
    needed_bits = floor_bits + stats.min_rate_bits
    if needed_bits > total_bits:
        smallest = math.ceil(bitrate + (needed_bits - total_bits) / allowed_bits(1, stats.duration_s))
        raise RateError(
            f"{bitrate:g} bit/s cannot hold the content and the cheapest codes of this video; "
            f"about {smallest} bit/s is the least"
        )
    pairs = zip(stats.references, sizes, strict=True)
    references = tuple(PlannedReference(start, size, tuning.max_reference_bits) for start, size in pairs)
    plan = RatePlan(stats, references, tuning)
    return _limited_to_channel(plan, bitrate) if bucket and stats.reference_bits is None else plan


def _payload_bits(stats: FirstPassStats, bitrate: float) -> float:
    """Bits for references and motion."""
    fixed = stats.header_bits + END_RESERVE_BITS + SEEK_POINT_BITS * len(stats.shots)
    return allowed_bits(bitrate, stats.duration_s) - fixed


def reference_budget(stats: FirstPassStats, bitrate: float, tuning: RateTuning) -> int:
    """Bits for all references together, framing included."""
    count, shots = len(stats.references), len(stats.shots)
    total_bits = _payload_bits(stats, bitrate)
    bits = total_bits - _planned_motion_bits(stats.min_distortion_bits, stats.min_rate_bits, tuning)
    target_bits = shots * (stats.target_bits + REFERENCE_FRAMING_BITS)
    is_short = stats.duration_s < GRACE_S  # it may take what GRACE_S may, which is no reason to
    if is_short or bits < target_bits:
        floor_bits = count * (tuning.min_reference_bits + REFERENCE_FRAMING_BITS)
        shared_bits = floor_bits + tuning.reference_share * (total_bits - stats.min_rate_bits - floor_bits)
        bits = min(target_bits, max(bits, shared_bits))
    return int(bits)


def _planned_motion_bits(min_distortion_bits: float, min_rate_bits: float, tuning: RateTuning) -> float:
    """What motion is left: the planned share of its min-distortion bits, but no less than it takes at min rate, which
    is as much where codes are packed.
    """
    return max(min_rate_bits, tuning.planned_motion_ratio * min_distortion_bits)


def _reference_size(stats: FirstPassStats, bitrate: float, tuning: RateTuning) -> int:
    """Equal size of all references."""
    size = reference_budget(stats, bitrate, tuning) // len(stats.references)
    return max(tuning.min_reference_bits + REFERENCE_FRAMING_BITS, min(tuning.max_reference_bits, size))


def _limited_to_channel(plan: RatePlan, bitrate: float) -> RatePlan:
    """Limit references to what can be sent beside the motion before them; the header's gets what the others lose."""
    tuning, stats = plan.tuning, plan.stats
    references, lost_bits = [plan.references[0]], 0
    for before, reference in zip(plan.references, plan.references[1:], strict=False):
        from_s, to_s = (float(item.start / stats.frame_rate) for item in (before, reference))
        motion_bits = plan._motion_cost(from_s, to_s)[0]
        max_bits = int(tuning.max_delivery_share * bitrate * (to_s - from_s) - motion_bits)
        max_bits = max(tuning.min_reference_bits + REFERENCE_FRAMING_BITS, min(tuning.max_reference_bits, max_bits))
        bits = min(reference.bits, max_bits)
        lost_bits += reference.bits - bits
        references.append(PlannedReference(reference.start, bits, max_bits))
    first = replace(references[0], bits=min(tuning.max_reference_bits, references[0].bits + lost_bits))
    return replace(plan, references=(first, *references[1:]))
