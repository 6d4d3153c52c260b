"""Made-up streams for the golden weights, and what streams say when they are read."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from bcdcodec import TranscodeResult, transcode
from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import AudioPayload, MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import (
    AudioCodec,
    AudioInfo,
    CodingInfo,
    CodingMode,
    ContentCoding,
    ContentRecord,
    VideoInfo,
)
from bcdcodec.bitstream.stream import StreamReader, StreamWriter
from bcdcodec.cli.verify import verify
from bcdcodec.entropy.motion import coders_of_stream
from bcdcodec.errors import ConfigError, RateError
from bcdcodec.ratecontrol.budget import allowed_bits
from bcdcodec.weightfile import WeightsFile, open_weights

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
#: Of the golden weights.
GROUPS, BITS = 5, 3
#: A still of 16x16 pixels of one colour.
PLATE = bytes.fromhex("12000a06180cffd2108032131040000000002039501400adcb05d8f86e9b30")


@dataclass(frozen=True)
class Read:
    """What a stream says. shown: by tick, the codes, and the payload of the content they are shown with."""

    header: StreamHeader
    shown: dict[int, tuple[tuple[int, ...], bytes]]
    keys: list[int]
    contents: list[int]
    sound: list[tuple[int, bytes]]
    packets: list[Packet]
    size: int

    @property
    def codes(self) -> dict[int, tuple[int, ...]]:
        return {tick: codes for tick, (codes, _) in self.shown.items()}


def read(path: Path) -> Read:
    """A whole stream, its codes decoded; verified first."""
    with path.open("rb") as file:
        verify(file)
        file.seek(0)
        stream = StreamReader(file)
        packets = list(stream)
    header = stream.header
    coder = coders_of_stream(header.coding, weights_of(header))[header.coding.mode]
    shown: dict[int, tuple[tuple[int, ...], bytes]] = {}
    content = header.content.pack()
    keys = []
    for packet in packets:
        if packet.kind == PacketKind.CONTENT:
            content = packet.payload
        elif packet.kind == PacketKind.MOTION:
            motion = MotionPayload.unpack(packet.payload)
            keys += [packet.timestamp] * motion.key
            for i, codes in enumerate(coder.decode(motion.codes, motion.frames).tolist()):
                shown[packet.timestamp + i] = tuple(codes), content
    return Read(
        header=header,
        shown=shown,
        keys=keys,
        contents=[packet.timestamp for packet in packets if packet.kind == PacketKind.CONTENT],
        sound=[(packet.timestamp, packet.payload) for packet in packets if packet.kind == PacketKind.AUDIO],
        packets=packets,
        size=path.stat().st_size,
    )


def weights_of(header: StreamHeader) -> WeightsFile:
    files = [open_weights(path) for path in GOLDEN.glob("*.safetensors")]
    return next(file for file in files if file.model_id == header.model_id)


@dataclass(frozen=True)
class Shot:
    """A shot of a made-up stream. gap: ticks without frames before it. box: the content; equal boxes are equal data."""

    packets: tuple[int, ...]
    gap: int = 0
    box: int = 0


#: A few shots, some after a gap, some with the square of another.
SHOTS = st.lists(
    st.builds(
        Shot,
        packets=st.lists(st.integers(1, 30), min_size=1, max_size=4).map(tuple),
        gap=st.sampled_from([0, 0, 0, 1, 6]),
        box=st.integers(0, 2),
    ),
    min_size=1,
    max_size=4,
)


def build(
    path: Path,
    shots: Sequence[Shot],
    *,
    mode: CodingMode = CodingMode.PACKED,
    rate: Fraction = Fraction(25, 2),
    sound: bool = True,
    seed: int = 0,
) -> Path:
    """A stream of slowly changing codes; the first shot has the content of the header."""
    weights = open_weights(GOLDEN / "context.safetensors")
    coding = CodingInfo(mode=mode, groups=GROUPS, bits_per_code=BITS, seed=9, window_frames=5, context_frames=1)
    contents = [
        ContentRecord(x=shot.box, y=0, size=64, coding=ContentCoding.LEVELS, data=golden_content()) for shot in shots
    ]
    header = StreamHeader(
        model_id=weights.model_id,
        video=VideoInfo(
            width=96, height=80, model_pixels=256, rate_num=rate.numerator, rate_den=rate.denominator, cropped=True
        ),
        coding=coding,
        content=contents[0],
        audio=AudioInfo(codec=AudioCodec.OPUS, channels=1, sample_rate=48000, pre_skip=312, bitrate=6000, frame_ticks=3)
        if sound
        else None,
        metadata={"title": "made up"},
        plate=PLATE,
        unknown=((200, b"later"),),
    )
    coder = coders_of_stream(coding, weights)[mode]
    random = np.random.default_rng(seed)
    with path.open("wb") as file:
        writer = StreamWriter(file)
        writer.write_header(header)

        def put(kind: PacketKind, tick: int, payload: bytes) -> None:
            writer.write(Packet(kind, writer.next_sequence, tick, payload))

        tick = spoken = 0
        for index, shot in enumerate(shots):
            tick += shot.gap
            if index:
                put(PacketKind.CONTENT, tick, contents[index].pack())
            for number, frames in enumerate(shot.packets):
                if sound and (due := int(tick / rate / Fraction(3, 50))) > spoken:
                    put(
                        PacketKind.AUDIO,
                        3 * spoken,
                        AudioPayload((bytes([index + 1]) * 5,) * min(255, due - spoken)).pack(),
                    )
                    spoken += min(255, due - spoken)
                codes = np.cumsum(random.random((frames, GROUPS)) < 0.2, axis=0) % (1 << BITS)
                put(PacketKind.MOTION, tick, MotionPayload(frames, number == 0, coder.encode(codes)).pack())
                tick += frames
        writer.finish()
    return path


def golden_content() -> bytes:
    with (GOLDEN / "context.bcd").open("rb") as file:
        return StreamReader(file).header.content.data


def firsts(stream: Read) -> list[tuple[tuple[int, ...], bytes]]:
    """The first frame after every change of content."""
    found = []
    for tick in sorted(stream.shown):
        if not found or stream.shown[tick][1] != found[-1][1]:
            found.append(stream.shown[tick])
    return found


def ever_lower(source: Path, target: Path) -> Iterator[TranscodeResult]:
    """What comes of the highest bitrate, then of one that is just too low for that, and so on; the target holds it."""
    bitrate = 64_000.0
    while True:
        try:
            result = transcode(source, target, bitrate=bitrate)
        except (RateError, ConfigError):
            return
        assert result.after.video_bits <= allowed_bits(bitrate, result.after.duration_s)
        yield result
        bitrate = (result.after.video_bits - 1) / allowed_bits(1, result.after.duration_s)


def damaged(stream: bytes) -> bytes:
    """The stream with one bit of its second MOTION packet changed."""
    reader = StreamReader(io.BytesIO(stream))
    second = [packet for packet in reader if packet.kind == PacketKind.MOTION][1].pack()
    return stream.replace(second, second[:-1] + bytes([second[-1] ^ 1]))
