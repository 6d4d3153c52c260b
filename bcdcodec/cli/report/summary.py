"""Summary of a `.bcd` stream without decoding it: header, bit statistics, losses, bits of every codebook."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from bcdcodec.bitstream.face import split_face
from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import EndPayload, MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import CodingMode, ContentCoding
from bcdcodec.bitstream.stats import CATEGORIES, StreamStats
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.cli.report.references import ReferenceCounter, ReferenceFacts
from bcdcodec.cli.streams import open_stream, size_of
from bcdcodec.entropy.motion import coders_of_stream
from bcdcodec.errors import BitstreamError, WeightsError
from bcdcodec.weightfile import WeightsFile, weights_of_stream


@dataclass(frozen=True, slots=True)
class Losses:
    """Packets that are missing or damaged, and the ticks [start, end) of each gap in the motion that they leave."""

    packets: int
    gaps: tuple[tuple[int, int], ...]

    @property
    def frames(self) -> int:
        """Frames that a decoder has to conceal."""
        return sum(end - start for start, end in self.gaps)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFacts:
    """Facts about a stream up to its end or its damage.

    weights: None where they are not on this machine. landmark_bits: bits of the landmarks in the header's content, None
    where it has none. group_bits: bits of the codes of each codebook, None where they were not counted or need weights
    that are missing. losses: None unless they were tolerated.
    """

    header: StreamHeader
    stats: StreamStats
    end: EndPayload | None
    weights: WeightsFile | None
    landmark_bits: int | None
    group_bits: list[float] | None
    losses: Losses | None
    references: tuple[ReferenceFacts, ...]

    @property
    def frame_rate(self) -> Fraction:
        """Frames per second."""
        return self.header.video.frame_rate

    @property
    def duration_s(self) -> float:
        """Seconds of video."""
        return float(self.stats.end_tick / self.frame_rate)

    @property
    def bits(self) -> dict[str, int]:
        """Bits by category and in `total`, the size of an undamaged file."""
        return {name: getattr(self.stats, f"{name}_bits") for name in (*CATEGORIES, "total")}

    def kbps(self, bits: int) -> float | None:
        """Rate over the duration of the video, None where there is none."""
        return bits / self.duration_s / 1000 if self.duration_s else None

    def bits_per_frame(self, bits: int) -> float | None:
        """Bits over the number of motion frames, None where there are none."""
        return bits / self.stats.motion_frames if self.stats.motion_frames else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Summary of a file.

    file_bytes: None for a pipe that was not read to its end. stream: None where the header is damaged. damage: the
    first problem, None in a good file.
    """

    name: str
    file_bytes: int | None
    stream: StreamFacts | None
    damage: BitstreamError | None


def summarize(
    name: str, *, keep_packets: bool = False, count_groups: bool = False, tolerate_loss: bool = False
) -> Summary:
    """Read a stream to its end or to its damage.

    count_groups: decode the codes and sum their bits; codes that cannot be decoded are damage then. tolerate_loss: go
    on after missing and damaged packets, and count them.
    """
    stream, damage = None, None
    with open_stream(name) as file:
        file_bytes = size_of(file)
        try:
            reader = StreamReader(file, keep_packets=keep_packets, tolerate_loss=tolerate_loss)
        except BitstreamError as error:
            damage = error
        else:
            stream, damage = _read(reader, count_groups=count_groups, tolerate_loss=tolerate_loss)
    if file_bytes is None and damage is None and stream is not None:
        file_bytes = stream.stats.total_bits // 8
    return Summary(name=name, file_bytes=file_bytes, stream=stream, damage=damage)


def _read(
    reader: StreamReader, *, count_groups: bool, tolerate_loss: bool
) -> tuple[StreamFacts, BitstreamError | None]:
    groups = damage = landmark_bits = None
    lost, tick, gaps = 0, 0, list[tuple[int, int]]()
    references = ReferenceCounter(reader.header)
    weights = weights_if_found(reader.header.model_id)
    try:
        if reader.header.content.coding is ContentCoding.FACE:
            landmark_bits = 8 * len(split_face(reader.header.content.data)[0])
        groups = GroupBits(reader.header, weights) if count_groups else None
        for packet in reader:
            references.add(packet)
            if packet.kind != PacketKind.MOTION:
                continue
            if groups is not None:
                groups.add(packet)
            if reader.lost > lost and packet.timestamp > tick:
                gaps.append((tick, packet.timestamp))
            lost, tick = reader.lost, reader.motion_tick
        if reader.lost > lost and reader.motion_tick > tick:
            gaps.append((tick, reader.motion_tick))
    except BitstreamError as error:
        damage = error
    facts = StreamFacts(
        header=reader.header,
        stats=reader.stats,
        end=reader.end,
        weights=weights,
        landmark_bits=landmark_bits,
        group_bits=None if groups is None else groups.bits,
        losses=Losses(reader.lost, tuple(gaps)) if tolerate_loss else None,
        references=tuple(references.found),
    )
    return facts, damage


class GroupBits:
    """Running sums of the bits of each codebook's codes, without the count, flags and rounding of each packet.

    bits: one number a group, None where codes cannot be read without weights; packed codes need none. BitstreamError
    for weights of other sizes than the stream's.
    """

    def __init__(self, header: StreamHeader, weights: WeightsFile | None) -> None:
        coding = header.coding
        self._bits_per_code = coding.bits_per_code
        self._coder = None if weights is None else coders_of_stream(coding, weights)[coding.mode]
        readable = weights is not None or coding.mode is CodingMode.PACKED
        self.bits: list[float] | None = [0.0] * coding.groups if readable else None

    def add(self, packet: Packet) -> None:
        """Count a MOTION packet; BitstreamError where its codes cannot be decoded."""
        if self.bits is None:
            return
        motion = MotionPayload.unpack(packet.payload)
        if self._coder is None:
            added = [float(self._bits_per_code * motion.frames)] * len(self.bits)
        else:
            added = self._coder.group_bits(self._coder.decode(motion.codes, motion.frames))
        self.bits = [old + new for old, new in zip(self.bits, added, strict=True)]


def weights_if_found(model_id: bytes) -> WeightsFile | None:
    """The weights of a stream, None where they are not on this machine."""
    try:
        return weights_of_stream(model_id)
    except WeightsError:
        return None


def file_label(name: str) -> str:
    """Name of an input in reports."""
    return "<stdin>" if name == "-" else Path(name).name
