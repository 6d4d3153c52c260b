"""What is known of a .bcd file without decoding it. In: a stream. Out: a `Summary` for info.py and verify.py."""

from dataclasses import dataclass
from pathlib import Path

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import EndPayload, PacketKind
from bcdcodec.bitstream.stats import StreamStats
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.cli.groups import GroupBits
from bcdcodec.cli.streams import open_stream, size_of
from bcdcodec.errors import BitstreamError, WeightsError
from bcdcodec.weightfile import WeightsFile, weights_of_stream

CATEGORIES = ("header", "content", "motion", "audio", "framing", "unknown")


@dataclass(frozen=True, slots=True)
class Losses:
    """packets: how many are missing or damaged. gaps: ticks [start, end) whose motion was in them: a decoder that
    conceals predicts those frames.
    """

    packets: int
    gaps: tuple[tuple[int, int], ...]

    @property
    def frames(self) -> int:
        """Frames to predict."""
        return sum(end - start for start, end in self.gaps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """file_bytes: None for a pipe that was not read to its end. header, stats: None where the header is damaged.

    group_bits: what the codes of each codebook take, None where that was not asked for or the weights are not found.
    damage: the first problem, None in a good file; everything else then describes what comes before it. losses: None
    where reading was to end at them.
    """

    name: str
    file_bytes: int | None
    header: StreamHeader | None
    stats: StreamStats | None
    end: EndPayload | None
    weights: WeightsFile | None
    group_bits: list[float] | None
    damage: BitstreamError | None
    losses: Losses | None = None

    @property
    def duration_s(self) -> float:
        """Seconds of video; 0 where no frame is known."""
        if self.header is None or self.stats is None:
            return 0.0
        return float(self.stats.end_tick / self.header.video.frame_rate)

    def bits(self) -> dict[str, int]:
        """Bits by category; together the size of an undamaged file."""
        return {} if self.stats is None else {name: getattr(self.stats, f"{name}_bits") for name in CATEGORIES}

    def kbps(self, bits: int) -> float | None:
        """A rate over the duration of the video, None where there is none."""
        return bits / self.duration_s / 1000 if self.duration_s else None

    def bits_per_frame(self, bits: int) -> float | None:
        """Bits over the number of motion frames, None where there are none."""
        return bits / self.stats.motion_frames if self.stats and self.stats.motion_frames else None


def summarize(
    name: str, *, keep_packets: bool = False, count_groups: bool = False, tolerate_loss: bool = False
) -> Summary:
    """Read a stream to its end or to its damage; codes that cannot be decoded are damage where groups are counted.

    tolerate_loss: over missing and damaged packets, which are then counted.
    """
    header = stats = end = damage = weights = groups = None
    lost, tick, gaps = 0, 0, list[tuple[int, int]]()
    with open_stream(name) as file:
        file_bytes = size_of(file)
        try:
            reader = StreamReader(file, keep_packets=keep_packets, tolerate_loss=tolerate_loss)
        except BitstreamError as error:
            damage = error
        else:
            header = reader.header
            weights = weights_if_found(header.model_id)
            try:
                groups = GroupBits.of_stream(header, weights) if count_groups else None
                for packet in reader:
                    if groups is not None:
                        groups.add(packet)
                    if packet.kind == PacketKind.MOTION:
                        if reader.lost > lost and packet.timestamp > tick:
                            gaps.append((tick, packet.timestamp))
                        lost, tick = reader.lost, reader.motion_tick
                if reader.lost > lost and reader.motion_tick > tick:
                    gaps.append((tick, reader.motion_tick))
            except BitstreamError as error:
                damage = error
            stats, end = reader.stats, reader.end
    if file_bytes is None and damage is None and stats is not None:
        file_bytes = stats.total_bits // 8
    return Summary(
        name=name,
        file_bytes=file_bytes,
        header=header,
        stats=stats,
        end=end,
        weights=weights,
        group_bits=None if groups is None else groups.bits,
        damage=damage,
        losses=Losses(reader.lost, tuple(gaps)) if tolerate_loss and header is not None else None,
    )


def weights_if_found(model_id: bytes) -> WeightsFile | None:
    """The weights of a stream, None where they are not on this machine."""
    try:
        return weights_of_stream(model_id)
    except WeightsError:
        return None


def file_label(name: str) -> str:
    """How reports call an input."""
    return "<stdin>" if name == "-" else Path(name).name
