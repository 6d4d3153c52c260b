"""Bit budget of a whole stream: what is spent, what is left, and a fair share of it for the next packet.

The video part of a stream (header, content, motion, framing; not audio) of length t may hold `bitrate * max(t, grace)`
bits: the first reference is paid off over the first `grace` seconds, which short clips do not have.
"""

from bcdcodec.errors import ConfigError, RateError
from bcdcodec.ratecontrol.tuning import RateTuning

MIN_BITRATE = 500
MAX_BITRATE = 64_000
GRACE_S = 10.0
#: Held back for the END packet; the encoder pays for the seek point of a key packet when it writes it.
END_RESERVE_BITS = 8 * 24
SEEK_POINT_BITS = 8 * 6
#: Framing of a packet at most.
FRAMING_BYTES = 18


def allowed_bits(bitrate: float, duration_s: float) -> float:
    """Bits that a whole stream of this length may hold at a bitrate, audio aside."""
    return bitrate * max(GRACE_S, duration_s)


class Budget:
    """Count the bits of one stream against its bitrate.

    duration_s: length of the whole video where known (a file). Where it is not (live), the rate holds up to every
    packet. ConfigError for a bitrate out of range.
    """

    def __init__(self, bitrate: float, tuning: RateTuning, *, duration_s: float | None = None) -> None:
        if not MIN_BITRATE <= bitrate <= MAX_BITRATE:
            raise ConfigError(f"bitrate is {bitrate:g} bit/s, allowed are {MIN_BITRATE} to {MAX_BITRATE}")
        self.bitrate, self.duration_s = bitrate, duration_s
        self._tuning = tuning
        self.spent_bits = 0.0

    def spend(self, bits: float) -> None:
        """Account for bits that were written."""
        self.spent_bits += bits

    @property
    def of_file(self) -> bool:
        """Whether the length of the whole is known."""
        return self.duration_s is not None

    def share(self, start_s: float, end_s: float, *, reserved_bits: float = 0.0) -> float:
        """Bits for a packet of the frames from `start_s` to `end_s` (seconds of the stream), if what is left and not
        reserved is spread evenly over time.
        """
        deadline_s = self._deadline_s(end_s)
        left = self.bitrate * deadline_s - END_RESERVE_BITS - self.spent_bits - reserved_bits
        return left * (end_s - start_s) / (deadline_s - start_s)

    def left(self, at_s: float) -> tuple[float, float]:
        """Bits that may still be spent, and the seconds they are for: from `at_s` to the end of what is known."""
        deadline_s = self._deadline_s(at_s)
        return self.bitrate * deadline_s - END_RESERVE_BITS - self.spent_bits, deadline_s - at_s

    def picture_bits(self, target_bits: int, at_s: float, *, min_rate_bps: float) -> int:
        """Largest size of a reference picture: min_reference_bits and a share of what is left beyond that and the
        min-rate motion, at most `target_bits`.
        """
        left, left_s = self.left(at_s)
        floor = self._tuning.min_reference_bits
        spare = max(0.0, left - min_rate_bps * left_s - floor)
        return min(target_bits, floor + int(self._tuning.reference_share * spare))

    def _deadline_s(self, at_s: float) -> float:
        return max(GRACE_S, at_s, self.duration_s or 0.0)

    def refuse(self, needed_bits: float, start_s: float, end_s: float) -> RateError:
        """The error for a packet that cannot be made small enough; names the smallest bitrate that would do."""
        deadline_s = self._deadline_s(end_s)
        share = (end_s - start_s) / (deadline_s - start_s)
        smallest = (self.spent_bits + END_RESERVE_BITS + needed_bits / share) / deadline_s
        return RateError(
            f"{self.bitrate:g} bit/s cannot hold the content and the cheapest codes of this video; "
            f"about {smallest:.0f} bit/s is the least"
        )
