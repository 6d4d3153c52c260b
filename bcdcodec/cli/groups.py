"""The bits of every codebook over a stream, for `bcd info --bits`. In: MOTION packets. Out: sums, group by group."""

from typing import Self

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import CodingMode
from bcdcodec.entropy.motion import MotionCoder, coders_of_stream
from bcdcodec.weightfile import WeightsFile


class GroupBits:
    """Running sums. bits: one number a group, None where codes cannot be read; what the codes cost, without
    the count, the flags and the rounding that each packet adds.
    """

    def __init__(self, header: StreamHeader, coder: MotionCoder | None) -> None:
        """coder: reads the codes of the stream; packed codes are counted without."""
        coding = header.coding
        self._bits_per_code, self._coder = coding.bits_per_code, coder
        readable = coder is not None or coding.mode is CodingMode.PACKED
        self.bits: list[float] | None = [0.0] * coding.groups if readable else None

    @classmethod
    def of_stream(cls, header: StreamHeader, weights: WeightsFile | None) -> Self:
        """weights: None where they were not found; packed codes need none. BitstreamError where they are of other
        sizes than the stream.
        """
        return cls(header, None if weights is None else coders_of_stream(header.coding, weights)[header.coding.mode])

    def add(self, packet: Packet) -> None:
        """Count a packet of any kind; BitstreamError where its codes cannot be decoded."""
        if packet.kind != PacketKind.MOTION or self.bits is None:
            return
        motion = MotionPayload.unpack(packet.payload)
        if self._coder is None:
            spent = [float(self._bits_per_code * motion.frames)] * len(self.bits)
        else:
            spent = self._coder.group_bits(self._coder.decode(motion.codes, motion.frames))
        self.bits = [old + new for old, new in zip(self.bits, spent, strict=True)]
