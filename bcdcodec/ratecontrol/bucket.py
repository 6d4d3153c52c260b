"""Leaky bucket (VBV), which bounds the rate at every moment; its size is in seconds of the bitrate."""

import math

from bcdcodec.errors import ConfigError


class LeakyBucket:
    """Bucket that sent bits fill and that drains at `bitrate` bit/s; the fill is never negative.

    While nothing is added beyond `room_bits`, the bits of any stretch of time from a to b, both ends included, are at
    most bitrate * (b - a) + size_bits. `add` accepts more, for the analysis of streams made without a bucket; the fill
    is then above `size_bits`. All of a stream counts but its audio and its start, the header with the first content.
    size_s: seconds of the bitrate that fit. ConfigError for a bitrate or a size that is not a positive number.
    """

    def __init__(self, bitrate: float, size_s: float) -> None:
        for name, value in (("bitrate of the bucket", bitrate), ("size of the bucket in seconds", size_s)):
            if not (value > 0 and math.isfinite(value)):
                raise ConfigError(f"{name} is {value:g}, needs a number above 0")
        self.bitrate = bitrate
        self.size_bits = bitrate * size_s
        #: Bits in the bucket at `time_s`, the time that it has been drained to.
        self.fill_bits = 0.0
        self.time_s = 0.0

    def drain(self, to_s: float) -> None:
        """Let time pass up to `to_s`; ConfigError for a time before the last one."""
        self.fill_bits = self._fill_at(to_s)
        self.time_s = to_s

    def set_bitrate(self, bitrate: float) -> None:
        """Drain at another bitrate from now on; the bucket holds as many seconds of it. What it holds beyond that
        counts as drained at the old one.
        """
        size_bits = self.size_bits * bitrate / self.bitrate
        self.bitrate, self.size_bits, self.fill_bits = bitrate, size_bits, min(self.fill_bits, size_bits)

    def add(self, bits: float) -> None:
        """Bits that are sent now; ConfigError for a negative number."""
        if not bits >= 0:
            raise ConfigError(f"{bits:g} bits cannot be added to a bucket, needs at least 0")
        self.fill_bits += bits

    def room_bits(self, at_s: float) -> float:
        """Bits that could be added at `at_s`, not before the last time; below 0 where the bucket is too full then."""
        return self.size_bits - self._fill_at(at_s)

    def _fill_at(self, at_s: float) -> float:
        if not at_s >= self.time_s:
            raise ConfigError(f"the bucket is at {self.time_s:g} s, it cannot go back to {at_s:g} s")
        return max(0.0, self.fill_bits - self.bitrate * (at_s - self.time_s))
