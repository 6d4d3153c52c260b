"""Streams written anew: the same codes in fewer bits, fewer frames only where needed, shots and sound in place."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bcdcodec import CodecModel, Decoder, TranscodeResult, transcode
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
from bcdcodec.codec.rewrite import Lever
from bcdcodec.entropy.motion import coders_of_stream
from bcdcodec.errors import BitstreamError, ConfigError, RateError, TruncatedError, VideoError, WeightsError
from bcdcodec.ratecontrol.budget import allowed_bits
from bcdcodec.weightfile import WeightsFile, open_weights

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
STREAMS = ["packed.bcd", "coded.bcd", "context.bcd", "picture.bcd"]
#: Of the golden weights.
GROUPS, BITS = 5, 3
Codes = NDArray[np.int32]


@pytest.fixture(scope="module", autouse=True)
def golden_weights() -> Iterator[None]:
    """Streams find the golden weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BCD_WEIGHTS", str(GOLDEN))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("transcoded")


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
        plate=b"a plate",
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


@pytest.mark.parametrize("name", STREAMS)
def test_without_a_bitrate_codes_times_and_keys_stay_and_bytes_shrink(name: str, folder: Path) -> None:
    result = transcode(GOLDEN / name, folder / name)
    before, after = read(GOLDEN / name), read(folder / name)
    assert result.lever is Lever.RECODE
    assert after.shown == before.shown
    assert (after.keys, after.contents, after.sound) == (before.keys, before.contents, before.sound)
    assert after.size < before.size
    assert (result.before.stats.total_bits, result.after.stats.total_bits) == (8 * before.size, 8 * after.size)


def test_decoded_pictures_stay_the_same(folder: Path) -> None:
    transcode(GOLDEN / "coded.bcd", folder / "again.bcd")
    model = CodecModel.load(GOLDEN / "tiny.safetensors", device="cpu")
    pictures = []
    for path in (GOLDEN / "coded.bcd", folder / "again.bcd"):
        with path.open("rb") as file:
            stream = StreamReader(file)
            decoder = Decoder(model, stream.header)
            frames = [frame for packet in stream for frame in decoder.push(packet)] + decoder.flush()
        pictures.append([(frame.index, frame.pixels.tobytes()) for frame in frames])
    assert pictures[0] == pictures[1]


def test_packed_to_context_and_back_are_the_same_codes(folder: Path) -> None:
    shots = [Shot((8, 8, 8, 8, 3)), Shot((8, 5), box=4)]
    packed = build(folder / "packed.bcd", shots)
    coded = {}
    for mode in CodingMode:
        path = build(folder / f"{mode.name}.bcd", shots, mode=mode)
        transcode(path, folder / "smallest.bcd")
        smallest = read(folder / "smallest.bcd")
        assert smallest.codes == read(packed).codes
        coded[mode] = smallest.size, smallest.header.coding.mode
    assert len(set(coded.values())) == 1  # whatever the source's mode was, the same stream comes out


def test_everything_else_of_the_header_and_the_sound_is_kept(folder: Path) -> None:
    source = build(folder / "in.bcd", [Shot((8,) * 12), Shot((8,) * 12, box=5)])
    transcode(source, folder / "out.bcd", bitrate=smallest_bitrate(source, folder))
    before, after = read(source), read(folder / "out.bcd")
    assert after.sound == before.sound != []
    for name in ("model_id", "content", "audio", "metadata", "plate", "unknown"):
        assert getattr(after.header, name) == getattr(before.header, name)
    assert after.header.coding.seed == before.header.coding.seed
    assert after.header.video.frame_rate == before.header.video.frame_rate / 4


def smallest_bitrate(source: Path, folder: Path) -> int:
    """As the error for an impossible one names it."""
    with pytest.raises(RateError, match=r"(\d+) bit/s is the least") as refused:
        transcode(source, folder / "refused.bcd", bitrate=500)
    assert not (folder / "refused.bcd").exists()
    return int(str(refused.value).split(" bit/s is the least")[0].split()[-1])


def test_the_least_bitrate_is_possible_and_one_less_is_not(folder: Path) -> None:
    source = build(folder / "in.bcd", [Shot((8,) * 30), Shot((8,) * 8, box=5)])
    least = smallest_bitrate(source, folder)
    result = transcode(source, folder / "out.bcd", bitrate=least)
    assert result.lever is Lever.QUARTER
    assert result.after.video_bits <= allowed_bits(least, result.after.duration_s)
    with pytest.raises(RateError, match=f"{least} bit/s is the least"):
        transcode(source, folder / "none.bcd", bitrate=least - 1)


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


def test_no_lever_is_pulled_further_than_needed(folder: Path) -> None:
    shots = [Shot((8,) * 240), Shot((8,) * 10), Shot((8,) * 10, box=5)]
    source = build(folder / "in.bcd", shots, sound=False, rate=Fraction(50))
    found = list(ever_lower(source, folder / "out.bcd"))
    assert [result.lever for result in found] == list(Lever)
    sizes = [result.after.video_bits for result in found]
    assert sizes == sorted(sizes, reverse=True)


def test_content_that_repeats_is_dropped_and_that_of_another_shot_is_not(folder: Path) -> None:
    shots = [Shot((8, 8)), Shot((8, 8)), Shot((8, 8), box=7), Shot((8, 8), box=7), Shot((8, 8))]
    source = build(folder / "in.bcd", shots, sound=False)
    next(each for each in ever_lower(source, folder / "out.bcd") if each.lever is Lever.CONTENT)
    before, after = read(source), read(folder / "out.bcd")
    assert before.contents == [16, 32, 48, 64]
    assert after.contents == [32, 64]
    assert after.shown == before.shown
    assert after.keys == before.keys


@pytest.mark.parametrize(("first", "keep_every"), [(13, 2), (13, 4), (14, 4), (15, 4)])
def test_every_shot_keeps_its_first_frame_at_odd_offsets(first: int, keep_every: int, folder: Path) -> None:
    source = build(folder / "in.bcd", [Shot((8, first - 8)), Shot((8, 8, 8), box=5)], sound=False)
    result = next(each for each in ever_lower(source, folder / "out.bcd") if each.lever.keep_every == keep_every)
    before, after = read(source), read(folder / "out.bcd")
    assert result.after.header.video.frame_rate == Fraction(25, 2) / keep_every
    (start,) = after.contents
    assert start in after.keys
    assert after.shown[start] == before.shown[first]
    assert after.shown[start - 1][1] == before.shown[0][1]
    assert [after.shown[tick] for tick in range(start)] == [before.shown[keep_every * tick] for tick in range(start)]
    assert abs(start * keep_every - first) <= keep_every / 2
    assert abs(result.after.duration_s - result.before.duration_s) <= float(1 / result.after.header.video.frame_rate)


def test_shots_of_single_frames_are_not_thinned_out(folder: Path) -> None:
    source = build(folder / "in.bcd", [Shot((1,), box=box) for box in range(40)], sound=False)
    with pytest.raises(RateError):
        transcode(source, folder / "out.bcd", bitrate=600)


@settings(max_examples=25)
@given(
    shots=st.lists(
        st.builds(
            Shot,
            packets=st.lists(st.integers(1, 30), min_size=1, max_size=4).map(tuple),
            gap=st.sampled_from([0, 0, 0, 1, 6]),
            box=st.integers(0, 2),
        ),
        min_size=1,
        max_size=4,
    ),
    mode=st.sampled_from(CodingMode),
    seed=st.integers(0, 3),
)
def test_lossless_for_any_stream(shots: list[Shot], mode: CodingMode, seed: int, folder: Path) -> None:
    source = build(folder / "in.bcd", shots, mode=mode, seed=seed)
    transcode(source, folder / "out.bcd")
    before, after = read(source), read(folder / "out.bcd")
    assert after.shown == before.shown
    assert (after.keys, after.contents, after.sound) == (before.keys, before.contents, before.sound)
    assert after.size <= before.size
    transcode(folder / "out.bcd", folder / "twice.bcd")
    assert (folder / "twice.bcd").read_bytes() == (folder / "out.bcd").read_bytes()


@settings(max_examples=25)
@given(
    shots=st.lists(
        st.builds(
            Shot,
            packets=st.lists(st.integers(1, 30), min_size=1, max_size=4).map(tuple),
            gap=st.sampled_from([0, 0, 0, 1, 6]),
            box=st.integers(0, 2),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_what_is_kept_of_any_stream_is_what_was_there(shots: list[Shot], folder: Path) -> None:
    source = build(folder / "in.bcd", shots)
    before = read(source)
    for result in ever_lower(source, folder / "out.bcd"):
        after, every = read(folder / "out.bcd"), result.lever.keep_every
        assert after.sound == before.sound
        ticks = sorted(after.shown)
        for tick in ticks:  # each is one of the frames within a new frame's time of its own
            near = [before.shown.get(tick * every + back) for back in range(-every, every + 1)]
            assert after.shown[tick] in near
        # No shot is lost, and each begins with its first frame.
        shots_before = [codes for codes, _ in firsts(before)]
        shots_after = [codes for codes, _ in firsts(after)]
        assert shots_after == shots_before


def firsts(stream: Read) -> list[tuple[tuple[int, ...], bytes]]:
    """The first frame after every change of content."""
    found = []
    for tick in sorted(stream.shown):
        if not found or stream.shown[tick][1] != found[-1][1]:
            found.append(stream.shown[tick])
    return found


def test_sound_stays_between_the_frames_it_was_between(folder: Path) -> None:
    source = build(folder / "in.bcd", [Shot((8,) * 25)])
    transcode(source, folder / "out.bcd")
    times = [
        packet.timestamp * (0.02 if packet.kind == PacketKind.AUDIO else 0.08)
        for packet in read(folder / "out.bcd").packets
    ]
    assert max(np.maximum.accumulate(times) - times) < 0.5  # nothing is written long after its time


def test_without_weights_packed_codes_stay_packed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source = build(folder / "in.bcd", [Shot((8,) * 30)], rate=Fraction(50))
    monkeypatch.setenv("BCD_WEIGHTS", str(folder))
    *_, last = ever_lower(source, folder / "out.bcd")
    assert last.lever is Lever.QUARTER
    assert "codes stay packed" in caplog.text
    monkeypatch.setenv("BCD_WEIGHTS", str(GOLDEN))
    before, after = read(source), read(folder / "out.bcd")
    assert after.header.coding.mode is CodingMode.PACKED
    assert after.codes == {tick // 4: codes for tick, codes in before.codes.items() if tick % 4 == 0}


def test_without_weights_other_codes_cannot_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCD_WEIGHTS", str(folder))
    with pytest.raises(WeightsError, match=r"cannot be read without their tables: the stream needs weights"):
        transcode(GOLDEN / "context.bcd", folder / "nothing.bcd")
    assert not (folder / "nothing.bcd").exists()


@pytest.mark.parametrize("where", [40, -200, -40])
def test_damage_leaves_no_output(where: int, tmp_path: Path) -> None:
    data = bytearray((GOLDEN / "coded.bcd").read_bytes())
    data[where] ^= 1
    (tmp_path / "in.bcd").write_bytes(data)
    with pytest.raises(BitstreamError):
        transcode(tmp_path / "in.bcd", tmp_path / "out.bcd", bitrate=2000)
    assert [path.name for path in tmp_path.iterdir()] == ["in.bcd"]


def test_a_cut_stream_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.bcd").write_bytes((GOLDEN / "coded.bcd").read_bytes()[:-30])
    with pytest.raises(TruncatedError, match="without its END packet"):
        transcode(tmp_path / "in.bcd", tmp_path / "out.bcd")
    assert [path.name for path in tmp_path.iterdir()] == ["in.bcd"]


def test_codes_that_no_encoder_writes_are_named_by_their_packet(tmp_path: Path) -> None:
    with (GOLDEN / "context.bcd").open("rb") as file, (tmp_path / "in.bcd").open("wb") as out:
        stream, writer = StreamReader(file), StreamWriter(out)
        writer.write_header(stream.header)
        for packet in stream:
            payload = packet.payload + b"\x01" if packet.sequence == 2 else packet.payload
            writer.write(Packet(packet.kind, packet.sequence, packet.timestamp, payload))
        writer.finish()
    with pytest.raises(BitstreamError, match="codes of packet 2: "):
        transcode(tmp_path / "in.bcd", tmp_path / "out.bcd")
    assert [path.name for path in tmp_path.iterdir()] == ["in.bcd"]


def test_a_stream_of_other_sizes_than_its_weights(tmp_path: Path) -> None:
    weights = open_weights(GOLDEN / "context.safetensors")
    coding = CodingInfo(
        mode=CodingMode.PACKED, groups=GROUPS + 1, bits_per_code=BITS, seed=9, window_frames=5, context_frames=1
    )
    with pytest.raises(BitstreamError, match=r"\(groups, entries\) \(6, 8\), its model needs \(5, 8\)"):
        coders_of_stream(coding, weights)


def test_a_file_object_gets_the_bytes(folder: Path) -> None:
    out = io.BytesIO()
    transcode(GOLDEN / "packed.bcd", out)
    transcode(GOLDEN / "packed.bcd", folder / "file.bcd")
    assert out.getvalue() == (folder / "file.bcd").read_bytes()


def test_progress_ends_at_its_total(folder: Path) -> None:
    calls: list[tuple[int, int | None]] = []
    transcode(GOLDEN / "packed.bcd", folder / "out.bcd", progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (50, 50)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_what_cannot_be_asked_for(folder: Path) -> None:
    with pytest.raises(ConfigError, match="bitrate is 20 bit/s, allowed are 500 to 64000"):
        transcode(GOLDEN / "packed.bcd", folder / "never.bcd", bitrate=20)
    with pytest.raises(VideoError, match="cannot read"):
        transcode(folder / "missing.bcd", folder / "never.bcd")
