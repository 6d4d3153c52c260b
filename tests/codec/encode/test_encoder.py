"""Frames to packets: windows, shots, key packets, budgets, determinism."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import CodingMode, ContentCoding, ContentRecord
from bcdcodec.codec.decode.decoder import Decoder
from bcdcodec.codec.encode.encoder import Encoder
from bcdcodec.codec.encode.plan import EncodePlan
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError, RateError
from bcdcodec.frame import CropBox, Frame
from bcdcodec.ratecontrol.budget import END_RESERVE_BITS, SEEK_POINT_BITS
from bcdcodec.video.crop import scale

MakeFrames = Callable[[int], list[Frame]]
EncodeFrames = Callable[..., tuple[StreamHeader, list[Packet]]]


def test_same_input_gives_the_same_packets(
    model: CodecModel, make_frames: MakeFrames, encode_frames: EncodeFrames
) -> None:
    first, second = (encode_frames(model, make_frames(30)) for _ in range(2))
    assert first[0].pack() == second[0].pack() and first[1] == second[1]


def test_every_frame_is_in_one_packet_in_order(
    model: CodecModel, make_frames: MakeFrames, encode_frames: EncodeFrames
) -> None:
    _, packets = encode_frames(model, make_frames(29))
    motion = [(p.timestamp, MotionPayload.unpack(p.payload)) for p in packets]
    assert [m.frames for _, m in motion] == [8, 8, 8, 5]
    assert [t for t, _ in motion] == [0, 8, 16, 24]
    assert [m.key for _, m in motion] == [True, False, False, False]


def test_packed_motion_is_bits_of_the_codes_exactly(
    model: CodecModel, make_frames: MakeFrames, encode_frames: EncodeFrames
) -> None:
    settings = EncodeSettings(mode=CodingMode.PACKED)
    header, packets = encode_frames(model, make_frames(16), settings)
    bits = model.config.quantizer.groups * 3
    assert header.coding.mode is CodingMode.PACKED and header.coding.bits_per_code == 3
    assert [len(MotionPayload.unpack(p.payload).codes) for p in packets] == [8 * bits // 8] * 2


def test_a_shot_brings_its_own_content_and_square(model: CodecModel, make_frames: MakeFrames) -> None:
    encoder = Encoder(model, EncodeSettings(bucket_s=None))
    frames = make_frames(20)
    packets = [p for f in frames[:10] for p in encoder.push(f, box=CropBox(x=0, y=0, size=80))]
    packets += encoder.new_shot()
    packets += [p for f in frames[10:] for p in encoder.push(f, box=CropBox(x=-9, y=4, size=90))]
    packets += encoder.flush()
    assert encoder.header.content.size == 80 and encoder.header.video.cropped
    kinds = [(p.kind, p.timestamp) for p in packets]
    assert kinds == [
        (PacketKind.MOTION, 0),
        (PacketKind.MOTION, 8),
        (PacketKind.CONTENT, 10),
        (PacketKind.MOTION, 10),
        (PacketKind.MOTION, 18),
    ]
    record = ContentRecord.unpack(packets[2].payload)
    assert (record.x, record.y, record.size) == (-9, 4, 90)
    assert MotionPayload.unpack(packets[3].payload).key


def test_key_packets_come_at_the_interval(
    model: CodecModel, make_frames: MakeFrames, encode_frames: EncodeFrames
) -> None:
    _, packets = encode_frames(
        model, make_frames(60), EncodeSettings(key_interval_s=1.5, bitrate=None, live_references=1)
    )
    keys = [p.timestamp for p in packets if MotionPayload.unpack(p.payload).key]
    assert keys == [0, 24, 48]


def test_the_box_may_not_change_within_a_shot(model: CodecModel, make_frames: MakeFrames) -> None:
    encoder = Encoder(model)
    first, second = make_frames(2)
    encoder.push(first, box=CropBox(x=0, y=0, size=80))
    with pytest.raises(ConfigError, match="new_shot"):
        encoder.push(second, box=CropBox(x=1, y=0, size=80))


def test_frames_must_be_consecutive_and_of_one_size(model: CodecModel, make_frames: MakeFrames) -> None:
    encoder = Encoder(model)
    encoder.push(make_frames(1)[0])
    with pytest.raises(ConfigError, match="index is 5, expected 1"):
        encoder.push(Frame(pixels=np.zeros((96, 96, 3), np.uint8), index=5))
    with pytest.raises(ConfigError, match="64x96, the stream began"):
        encoder.push(Frame(pixels=np.zeros((96, 64, 3), np.uint8), index=1))


def test_nothing_pushed_is_an_error(model: CodecModel) -> None:
    with pytest.raises(ConfigError, match="no frame"):
        Encoder(model).flush()
    with pytest.raises(ConfigError, match="header exists only"):
        _ = Encoder(model).header


@pytest.mark.parametrize("frames", [125, 200])
def test_the_budget_holds_from_ten_seconds_on(
    model: CodecModel, make_frames: MakeFrames, frames: int, encode_frames: EncodeFrames
) -> None:
    header, unlimited = encode_frames(model, make_frames(frames), EncodeSettings(bitrate=None), frames / 12.5)
    free_bits = 8 * (len(header.pack()) + sum(p.size for p in unlimited))
    motion_bits = 8 * sum(len(MotionPayload.unpack(p.payload).codes) for p in unlimited)
    reserved_bits = END_RESERVE_BITS + 2 * SEEK_POINT_BITS + 8 * len(unlimited)
    target = (free_bits + reserved_bits - 0.2 * motion_bits) / (frames / 12.5)
    header, packets = encode_frames(model, make_frames(frames), EncodeSettings(bitrate=target), frames / 12.5)
    bits = 8 * (len(header.pack()) + sum(p.size for p in packets))
    assert bits <= target * frames / 12.5
    assert bits >= 0.85 * target * frames / 12.5  # and it is used


def test_an_impossible_budget_names_the_least(
    model: CodecModel, make_frames: MakeFrames, encode_frames: EncodeFrames
) -> None:
    with pytest.raises(RateError, match="is the least") as caught:
        encode_frames(model, make_frames(125), EncodeSettings(bitrate=500, bucket_s=None), 10.0)
    least = float(str(caught.value).split("about ")[1].split()[0])
    encode_frames(model, make_frames(125), EncodeSettings(bitrate=least * 1.1, bucket_s=None), 10.0)


def test_packed_mode_refuses_a_rate_it_cannot_have(model: CodecModel) -> None:
    settings = EncodeSettings(mode=CodingMode.PACKED, bitrate=1500, frame_rate=Fraction(100))
    with pytest.raises(RateError, match="lower the frame rate"):
        Encoder(model, settings)
    Encoder(model, replace(settings, frame_rate=Fraction(25, 2)))


def test_many_shots_share_the_budget(model: CodecModel, make_frames: MakeFrames) -> None:
    """Each shot's picture takes a share of what the ones before left, and the whole stays within the bitrate."""
    wish = replace(model.config, content=replace(model.config.content, picture_bits=20_000))
    eager = replace(model, weights=replace(model.weights, config=wish))
    settings = EncodeSettings(bitrate=4000, bucket_s=None)
    encoder = Encoder(eager, settings, replace(EncodePlan.of_settings(eager, settings), duration_s=5.0))
    sizes, total = [], 0
    for shot in range(5):
        packets = []
        for frame in make_frames(8):
            packets += encoder.push(replace(frame, index=8 * shot + frame.index))
        packets += encoder.new_shot() if shot < 4 else encoder.flush()
        content = [packet.record() for packet in packets if packet.kind is PacketKind.CONTENT]
        sizes.append(8 * len((content[0] if content else encoder.header.content).data))
        total += sum(8 * packet.size for packet in packets)
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] < sizes[0]
    assert total + 8 * len(encoder.header.pack()) <= 40_000


@pytest.mark.mesh
def test_a_face_goes_through_a_stream_with_its_landmarks() -> None:
    """The shipped weights on a photograph that moves to the right and back."""
    pytest.importorskip("ai_edge_litert")
    data = pytest.importorskip("skimage.data")
    shipped = CodecModel.load("face", device="cpu")
    person = np.ascontiguousarray(data.astronaut()[:256, 96:352])
    steps = (0, 2, 4, 8, 4, 2, 0, 0)
    frames = [Frame(pixels=np.roll(person, step, axis=1), index=index) for index, step in enumerate(steps)]
    encoder = Encoder(shipped, EncodeSettings(bitrate=None))
    packets = [packet for frame in frames for packet in encoder.push(frame)] + encoder.flush()
    assert encoder.header.content.coding is ContentCoding.FACE
    decoder = Decoder(shipped, encoder.header)
    decoded = [frame for packet in packets for frame in decoder.push(packet)] + decoder.flush()
    assert len(decoded) == len(frames)
    still = np.abs(decoded[0].pixels.astype(int) - frames[3].pixels).mean()
    assert np.abs(decoded[3].pixels.astype(int) - frames[3].pixels).mean() < 0.7 * still


def test_a_buffer_may_be_filled_again_and_again(model: CodecModel, make_frames: MakeFrames) -> None:
    # Of the model's size: a square that needs no scaling is passed on as it is.
    frames = [Frame(pixels=scale(frame.pixels, 256, 256), index=frame.index) for frame in make_frames(10)]

    def encoded(reuse: bool) -> list[Packet]:
        encoder, buffer, packets = Encoder(model, EncodeSettings(bitrate=None)), np.zeros_like(frames[0].pixels), []
        for frame in frames:
            buffer[:] = frame.pixels
            packets += encoder.push(Frame(pixels=buffer if reuse else frame.pixels, index=frame.index))
        return packets + encoder.flush()

    assert encoded(reuse=True) == encoded(reuse=False)


def test_other_types_are_refused_by_name(model: CodecModel) -> None:
    encoder = Encoder(model, EncodeSettings(bitrate=None))
    with pytest.raises(ConfigError, match="push takes a Frame, got ndarray"):
        encoder.push(np.zeros((256, 256, 3), np.uint8))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"frame_rate is 29.97, a float, needs a Fraction"):
        Encoder(model, EncodeSettings(frame_rate=29.97))  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        encoder.settings = EncodeSettings()  # type: ignore[misc]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"packet_windows": 0}, "packet_windows is 0, allowed are 1"),
        ({"reference_windows": 0}, "reference_windows is 0, allowed are 1"),
        ({"key_interval_s": 0.0}, "key_interval_s is 0, allowed are numbers above 0"),
        ({"frame_rate": Fraction(0)}, "frame_rate is 0, allowed are numbers above 0"),
        ({"effort": -1}, "effort is -1, allowed are 0"),
    ],
)
def test_numbers_outside_their_range_are_refused(model: CodecModel, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Encoder(model, EncodeSettings(**settings))  # type: ignore[arg-type]
