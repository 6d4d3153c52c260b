"""Rate of a stream over time, and the fill of a leaky bucket, for plots.

The start of the stream (header and first content) is sent before time 0, audio beside it, and the END packet is the
index of a file: none of them counts. A packet counts at its timestamp; in rates, motion is spread evenly over its
frames.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from bcdcodec.bitstream.packet import PacketKind
from bcdcodec.bitstream.stats import PacketStats
from bcdcodec.errors import ConfigError
from bcdcodec.ratecontrol.bucket import LeakyBucket


@dataclass(frozen=True, slots=True)
class Sent:
    """One packet with its framing. end_s: of its last frame; start_s where it has no frames."""

    kind: int
    start_s: float
    end_s: float
    bits: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """Packets in the order of the file, and the time of the end of the last frame."""

    packets: Sequence[Sent]
    duration_s: float

    @classmethod
    def of_packets(cls, packets: Sequence[PacketStats], frame_rate: Fraction) -> "Timeline":
        """Timeline of the packets of a stream; ConfigError where none has frames."""
        sent, end_s = [], 0.0
        for packet in packets:
            if packet.kind in (PacketKind.AUDIO, PacketKind.END):
                continue
            start_s = stop_s = end_s  # of kinds whose timestamps mean something unknown
            if packet.kind in (PacketKind.MOTION, PacketKind.CONTENT, PacketKind.CONTENT_PART):
                start_s = float(packet.timestamp / frame_rate)
                stop_s = float((packet.timestamp + packet.frames) / frame_rate)
            if packet.kind == PacketKind.MOTION:
                end_s = stop_s
            sent.append(Sent(packet.kind, start_s, stop_s, packet.payload_bits + packet.framing_bits))
        if not end_s:
            raise ConfigError("the stream has no frames, there is nothing to show over time")
        return cls(tuple(sent), end_s)

    @property
    def mean_rate(self) -> float:
        """Mean rate in bit/s."""
        return sum(packet.bits for packet in self.packets) / self.duration_s

    def moving_rate(self, times_s: Sequence[float], window_s: float) -> list[float]:
        """Rate in bit/s of the window that ends at each time, both ends included for packets without frames."""
        spans = [packet for packet in self.packets if packet.end_s > packet.start_s]
        points = sorted((packet for packet in self.packets if packet.end_s == packet.start_s), key=lambda p: p.start_s)
        starts, sums = [span.start_s for span in spans], [0, *accumulate(span.bits for span in spans)]
        moments, point_sums = [point.start_s for point in points], [0, *accumulate(point.bits for point in points)]

        def bits_until(time_s: float) -> float:
            index = bisect_right(starts, time_s)
            bits = float(sums[index])
            if index and (span := spans[index - 1]).end_s > time_s:
                bits -= span.bits * (span.end_s - time_s) / (span.end_s - span.start_s)
            return bits + point_sums[bisect_right(moments, time_s)]

        return [(bits_until(time_s) - bits_until(time_s - window_s)) / window_s for time_s in times_s]

    def fill(self, bucket: LeakyBucket) -> tuple[list[float], list[float]]:
        """Corners of the piecewise linear fill: times in seconds and fills in bits. Changes the bucket."""
        times_s, fills = [bucket.time_s], [bucket.fill_bits]

        def drain(to_s: float) -> None:
            empty_s = bucket.time_s + bucket.fill_bits / bucket.bitrate
            bucket.drain(to_s)
            if empty_s < to_s:
                times_s.append(empty_s)
                fills.append(0.0)
            times_s.append(to_s)
            fills.append(bucket.fill_bits)

        for packet in sorted(self.packets, key=lambda packet: packet.start_s):
            drain(packet.start_s)
            bucket.add(packet.bits)
            times_s.append(packet.start_s)
            fills.append(bucket.fill_bits)
        drain(max(self.duration_s, bucket.time_s))
        return times_s, fills
