"""First-pass statistics: what each packet of a file costs at min distortion and at min rate."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property


@dataclass(frozen=True, slots=True)
class PacketCost:
    """Cost of one motion packet, framing included, and its entry in the index where it is a key packet, but for the
    first one of a shot. min_distortion_bits: with the nearest codes; min_rate_bits: with the cheapest code everywhere.
    """

    start: int
    frames: int
    min_distortion_bits: int
    min_rate_bits: int


@dataclass(frozen=True, kw_only=True)
class FirstPassStats:
    """Statistics of one pass over a file.

    shots: first frames; references: first frames of all references that the pass was made with. header_bits: without
    the reference. target_bits: size of a reference that the model asks for. reference_bits: of every reference where it
    has one size only, None where a picture can be made to fit.
    """

    frame_rate: Fraction
    shots: tuple[int, ...]
    references: tuple[int, ...]
    frames: int
    packets: tuple[PacketCost, ...]
    header_bits: int
    target_bits: int
    reference_bits: tuple[int, ...] | None

    @property
    def duration_s(self) -> float:
        """Seconds of video."""
        return float(self.frames / self.frame_rate)

    @cached_property
    def min_distortion_bits(self) -> int:
        """Bits of all motion with the nearest codes."""
        return sum(packet.min_distortion_bits for packet in self.packets)

    @cached_property
    def min_rate_bits(self) -> int:
        """Bits of all motion with the cheapest codes."""
        return sum(packet.min_rate_bits for packet in self.packets)
