"""Summary of a stream by one scan: header, runs of frames, sizes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import MotionPayload, PacketKind
from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.bitstream.stats import StreamStats
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.ratecontrol.frame_dropping import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSummary:
    """Header, runs and sizes of a stream.

    runs: frames of one reference without a gap between them. audio_bits: of AUDIO packets with their framing.
    """

    header: StreamHeader
    runs: Sequence[Run]
    stats: StreamStats
    audio_bits: int

    @property
    def video_bits(self) -> int:
        """Bits that count towards a bitrate: everything but audio."""
        return self.stats.total_bits - self.audio_bits

    @property
    def duration_s(self) -> float:
        """Seconds up to the end of the last frame."""
        return float(self.stats.end_tick / self.header.video.frame_rate)


def scan_stream(file: BinaryIO) -> StreamSummary:
    """Read a whole stream from the current position of a file; BitstreamError where it is damaged or cut."""
    reader = StreamReader(file)
    runs: list[Run] = []
    start = end = audio_bits = 0
    continues, reference = False, 0
    for packet in reader:
        if packet.kind == PacketKind.CONTENT:
            continues = continues and ContentRecord.unpack(packet.payload).number > 0
        elif packet.kind == PacketKind.AUDIO:
            audio_bits += 8 * packet.size
        elif packet.kind == PacketKind.MOTION:
            motion = MotionPayload.unpack(packet.payload)
            if continues and packet.timestamp == end and motion.reference == reference:
                runs.pop()
            else:
                start = packet.timestamp
            end, reference = packet.timestamp + motion.frames, motion.reference
            runs.append(Run(start, end - start))
            continues = True
    return StreamSummary(header=reader.header, runs=runs, stats=reader.stats, audio_bits=audio_bits)
