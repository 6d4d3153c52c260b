"""Calls, frame by frame: delay, sizes on the wire, pictures, changes on the way, cameras."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from bcdcodec.bitstream.packet import ContentPart, MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import MAX_REFERENCE_NUMBER, CodingMode, ContentCoding, ContentRecord
from bcdcodec.bitstream.validator import StreamValidator
from bcdcodec.codec.encode.encoder import Encoder
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError
from bcdcodec.frame import CropBox, Frame
from bcdcodec.video.still import StillSearch

MakeFrames = Callable[[int], list[Frame]]
LIVE = EncodeSettings.live(bitrate=16_000, max_packet_bytes=600)


def push_all(encoder: Encoder, frames: list[Frame], box: CropBox | None = None) -> list[tuple[int, Packet]]:
    """Packets with the index of the frame with which they left."""
    return [(frame.index, packet) for frame in frames for packet in encoder.push(frame, box=box)]


def assert_readable(encoder: Encoder, packets: list[Packet]) -> None:
    """As the reader of a file would read it."""
    validator = StreamValidator(encoder.header)
    for packet in packets:
        validator.accept(packet, packet.record(), offset=0)


def motions(sent: list[tuple[int, Packet]]) -> list[tuple[int, int, MotionPayload]]:
    """Index at which each left, tick, payload."""
    moves = [(index, packet) for index, packet in sent if packet.kind == PacketKind.MOTION]
    return [(index, packet.timestamp, MotionPayload.unpack(packet.payload)) for index, packet in moves]


def contents(sent: list[tuple[int, Packet]]) -> list[tuple[int, ContentRecord]]:
    whole = [(index, packet) for index, packet in sent if packet.kind == PacketKind.CONTENT]
    return [(index, ContentRecord.unpack(packet.payload)) for index, packet in whole]


@pytest.mark.parametrize("packet_frames", [1, 2, 4])
def test_header_and_first_packet_leave_with_the_first_frame(
    model: CodecModel, make_frames: MakeFrames, packet_frames: int
) -> None:
    """And no frame waits for more others than `delay_frames` says; one does wait for so many."""
    encoder = Encoder(model, EncodeSettings.live(packet_frames=packet_frames))
    sent = push_all(encoder, make_frames(9))
    header = encoder.header
    assert len(header.pack()) <= 1200
    assert (header.coding.window_frames, header.coding.context_frames, header.call) == (1, 0, True)
    waits = [index - tick for index, start, move in motions(sent) for tick in range(start, start + move.frames)]
    assert max(waits) == encoder.delay_frames == packet_frames - 1
    (first, _, alone), *others = motions(sent)
    assert (first, alone.frames) == (0, 1) and {move.frames for _, _, move in others} == {packet_frames}
    assert_readable(encoder, [packet for _, packet in sent] + encoder.flush())


def test_the_delay_in_windows_is_that_of_the_first_reference(model: CodecModel, make_frames: MakeFrames) -> None:
    encoder = Encoder(model, EncodeSettings(reference_windows=3, bitrate=None))
    sent = push_all(encoder, make_frames(30))
    waits = [index - tick for index, start, move in motions(sent) for tick in range(start, start + move.frames)]
    assert max(waits) == encoder.delay_frames == 3 * model.config.window_frames - 1


def test_a_packet_is_coded_by_itself(model: CodecModel, make_frames: MakeFrames) -> None:
    """The codes of a frame do not depend on how many are in its packet."""
    shown = []
    for packet_frames in (1, 3):
        encoder = Encoder(model, EncodeSettings.live(packet_frames=packet_frames))
        packets = [packet for _, packet in push_all(encoder, make_frames(5))] + encoder.flush()
        coder = model.coder(encoder.header.coding.mode)
        moves = [MotionPayload.unpack(packet.payload) for packet in packets if packet.kind == PacketKind.MOTION]
        shown.append(np.concatenate([coder.decode(move.codes, move.frames) for move in moves]))
    assert np.array_equal(*shown)


def test_a_picture_on_request_freezes_nothing(model: CodecModel, make_frames: MakeFrames) -> None:
    encoder = Encoder(model, LIVE)
    frames = make_frames(24)
    sent = push_all(encoder, frames[:4])
    encoder.request_reference()
    sent += push_all(encoder, frames[4:])
    assert [tick for _, tick, _ in motions(sent)] == list(range(24)) and encoder.skipped_frames == 0
    ((there, record),) = contents(sent)
    assert record.number == 1 and record.parts > 0 and 4 < there < 20
    assert [move.reference for _, _, move in motions(sent)] == [0] * (there + 1) + [1] * (23 - there)
    assert max(packet.size for _, packet in sent) <= 600
    assert_readable(encoder, [packet for _, packet in sent])


def test_asking_twice_sends_one(model: CodecModel, make_frames: MakeFrames) -> None:
    encoder = Encoder(model, LIVE)
    sent = []
    for frame in make_frames(20):
        if frame.index in (4, 5):
            encoder.request_reference()
        sent += [(frame.index, packet) for packet in encoder.push(frame)]
    assert [record.number for _, record in contents(sent)] == [1]


def test_a_picture_is_not_used_before_it_is_known_to_be_there(model: CodecModel, make_frames: MakeFrames) -> None:
    encoder, there = Encoder(model, LIVE), set[int]()
    encoder.wait_for_references(lambda number: number in there)
    sent: list[tuple[int, Packet]] = []
    for frame in make_frames(60):
        if frame.index in (4, 30):  # the second is dropped: the first one is not there yet
            encoder.request_reference()
        if frame.index == 40:
            there.add(1)
        sent += [(frame.index, packet) for packet in encoder.push(frame)]
    assert contents(sent)[0][0] < 30
    assert [record.number for _, record in contents(sent)][:1] == [1]
    assert {move.reference for index, _, move in motions(sent) if index < 40} == {0}
    assert {move.reference for index, _, move in motions(sent) if 42 <= index < 50} == {1}


def test_a_frame_waits_for_one_encoding_of_a_picture_at_most(
    model: CodecModel, make_frames: MakeFrames, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    step = StillSearch.step
    monkeypatch.setattr(StillSearch, "step", lambda search: (steps.append(0), step(search))[1])
    encoder, counts = Encoder(model, LIVE), list[int]()
    for frame in make_frames(30):
        if frame.index == 3:
            encoder.request_reference()
        before = len(steps)
        encoder.push(frame)
        counts.append(len(steps) - before)
    assert counts[0] > 1
    assert max(counts[1:]) == 1
    assert sum(counts[1:]) > 1


def test_a_picture_that_is_given_up_leaves_its_number(model: CodecModel, make_frames: MakeFrames) -> None:
    """An idle one gives way to one that is asked for."""
    tuning = replace(EncodeSettings().tuning, live_idle_s=1.0)
    encoder = Encoder(model, replace(LIVE, tuning=tuning))
    sent: list[tuple[int, Packet]] = []
    begun = given_up = False
    for frame in make_frames(60):
        if begun and not given_up:
            assert contents(sent) == [], "it is on its way"
            encoder.request_reference()
            given_up = True
        sent += [(frame.index, packet) for packet in encoder.push(frame)]
        begun = begun or sent[-1][1].kind == PacketKind.CONTENT_PART
    parts = [ContentPart.unpack(packet.payload).index for _, packet in sent if packet.kind == PacketKind.CONTENT_PART]
    assert given_up and parts[:1] == [0] and 0 in parts[1:]
    assert contents(sent)[0][1].number == 1
    assert_readable(encoder, [packet for _, packet in sent])


def test_idle_bits_bring_a_picture(model: CodecModel, make_frames: MakeFrames) -> None:
    """And the better one is used."""
    tuning = replace(EncodeSettings().tuning, live_idle_s=0.5)
    encoder = Encoder(model, replace(LIVE, tuning=tuning))
    sent = push_all(encoder, make_frames(30))
    assert len(contents(sent)) >= 1 and encoder.skipped_frames == 0
    assert motions(sent)[-1][2].reference >= 1


def test_without_idle_bits_none_comes(model: CodecModel, make_frames: MakeFrames) -> None:
    encoder = Encoder(model, EncodeSettings.live(bitrate=2000, bucket_s=1.0))
    assert contents(push_all(encoder, make_frames(30))) == []


def test_bitrate_and_frames_of_a_packet_change_on_the_way(model: CodecModel, make_frames: MakeFrames) -> None:
    encoder = Encoder(model, EncodeSettings.live(bitrate=16_000))
    frames = make_frames(31)
    sent = push_all(encoder, frames[:5])
    encoder.set_packet_frames(4)
    encoder.set_bitrate(1000)
    assert encoder.delay_frames == 3
    sent += push_all(encoder, frames[5:])
    later = motions(sent)[5:]
    assert {move.frames for _, _, move in later} == {4}
    bits = sum(8 * packet.size for index, packet in sent if index >= 5)
    assert bits <= 1000 * (25 / 12.5 + 0.5)
    for call in (lambda: encoder.set_packet_frames(5), lambda: encoder.set_bitrate(70_000)):
        with pytest.raises(ConfigError, match="allowed are"):
            call()


def test_dropped_frames_are_pauses(model: CodecModel, make_frames: MakeFrames) -> None:
    encoder = Encoder(model, EncodeSettings.live(packet_frames=2))
    frames = [frame for frame in make_frames(12) if frame.index not in (4, 5, 9)]
    sent = push_all(encoder, frames)
    packets = [packet for _, packet in sent] + encoder.flush()
    ticks = [tick for _, start, move in motions(sent) for tick in range(start, start + move.frames)]
    assert ticks == [0, 1, 2, 3, 6, 7, 8, 10, 11]
    assert [start for _, start, move in motions(sent) if move.key] == [0, 6, 10]
    assert_readable(encoder, packets)
    with pytest.raises(ConfigError, match="index is 11, needs at least 12"):
        encoder.push(frames[-1])


def test_a_stream_may_begin_at_any_index(model: CodecModel, make_frames: MakeFrames) -> None:
    encoder = Encoder(model, EncodeSettings.live(bitrate=1000, bucket_s=0.5))
    sent = push_all(encoder, [replace(frame, index=500 + frame.index) for frame in make_frames(10)])
    assert motions(sent)[0][1] == 500
    assert sum(8 * packet.size for _, packet in sent) <= 1000 * (9 / 12.5 + 0.5), "no credit for the time before"


def test_a_new_scene_waits_for_its_picture_alone(model: CodecModel, make_frames: MakeFrames) -> None:
    encoder = Encoder(model, LIVE)
    frames = make_frames(20)
    sent = push_all(encoder, frames[:5])
    encoder.new_shot()
    sent += push_all(encoder, frames[5:])
    ((there, record),) = contents(sent)
    assert record.number == 1
    moves = motions(sent)
    assert [tick for _, tick, _ in moves] == [*range(5), *range(there + 1, 20)]
    assert all(move.reference == (1 if tick >= 5 else 0) for _, tick, move in moves)
    assert encoder.skipped_frames == there + 1 - 5 <= 8
    assert_readable(encoder, [packet for _, packet in sent])


def test_a_new_square_begins_a_shot_whose_first_picture_is_never_named(
    model: CodecModel, make_frames: MakeFrames
) -> None:
    encoder = Encoder(model, LIVE)
    frames = make_frames(20)
    sent = push_all(encoder, frames[:5], box=CropBox(x=0, y=0, size=80))
    encoder.new_shot()
    sent += push_all(encoder, frames[5:], box=CropBox(x=8, y=4, size=88))
    (_, blank), (_, picture) = contents(sent)
    assert (blank.number, blank.x, blank.size) == (0, 8, 88) and len(blank.data) < 200
    assert (picture.number, picture.x, picture.size) == (1, 8, 88)
    assert {move.reference for _, tick, move in motions(sent) if tick >= 5} == {1}
    assert_readable(encoder, [packet for _, packet in sent])


def test_numbers_begin_anew_after_the_last(
    model: CodecModel, make_frames: MakeFrames, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bcdcodec.codec.encode.call.MAX_REFERENCE_NUMBER", 2)
    encoder = Encoder(model, replace(LIVE, packet_frames=2))
    sent = []
    for frame in make_frames(45):
        if frame.index in (1, 12, 23):
            encoder.request_reference()
        sent += [(frame.index, packet) for packet in encoder.push(frame)]
    assert [record.number for _, record in contents(sent)] == [1, 2, 0, 1]
    assert motions(sent)[-1][2].reference == 1 and 0 < encoder.skipped_frames < 10
    assert_readable(encoder, [packet for _, packet in sent])
    assert MAX_REFERENCE_NUMBER == 255


def face_at(x: float, y: float, side: float = 40.0) -> NDArray[np.float32]:
    """A mesh in pixels of a square; all that matters is where it is."""
    rng = np.random.default_rng(2)
    points = rng.uniform(-0.5, 0.5, (478, 3)) * side + (x, y, 0)
    points[33], points[263] = (x - 10, y, 0), (x + 10, y, 0)
    return points.astype(np.float32)


def moving_call(model: CodecModel, boxes: list[CropBox], monkeypatch: pytest.MonkeyPatch) -> list[NDArray[np.int32]]:
    """Codes of frames of a head that moves right, 2 source pixels a frame, seen through these squares."""
    box_now = boxes[0]
    source = 0

    def found(frame: Frame, before: object) -> NDArray[np.float32]:
        scale = 256 / box_now.size
        return face_at((100 + 2 * source - box_now.x) * scale, (90 - box_now.y) * scale, 40 * scale)

    monkeypatch.setattr("bcdcodec.codec.window.follow_landmarks", found)
    encoder = Encoder(model, EncodeSettings.live())
    packets = []
    for source, box_now in enumerate(boxes):  # both are what `found` reads
        pixels = np.full((180, 240, 3), 90, np.uint8)
        packets += encoder.push(Frame(pixels=pixels, index=source), box=box_now)
    assert all(packet.kind == PacketKind.MOTION for packet in packets) and len(packets) == len(boxes)
    assert encoder.header.content.coding is ContentCoding.FACE
    coder = model.coder(encoder.header.coding.mode)
    return [coder.decode(MotionPayload.unpack(packet.payload).codes, 1) for packet in packets]


def test_a_square_that_follows_the_head_keeps_its_place(model: CodecModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The codes are those of the square that stays: the head moves in the picture."""
    first = CropBox(x=50, y=40, size=100)
    stays = moving_call(model, [first] * 6, monkeypatch)
    follows = moving_call(model, [CropBox(x=50 + 2 * n, y=40 - n, size=100 + 4 * n) for n in range(6)], monkeypatch)
    assert np.array_equal(stays, follows)
    assert not np.array_equal(stays[0], stays[5]), "it does move"


def test_whether_there_is_a_face_is_known(model: CodecModel, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {0: face_at(128, 128), 2: face_at(900, 128)}  # the other one's centre is outside
    monkeypatch.setattr("bcdcodec.codec.window.follow_landmarks", lambda frame, before: seen.get(frame.index))
    encoder = Encoder(model, EncodeSettings.live())
    assert not encoder.has_face
    for index, has_face in enumerate((True, False, False)):
        encoder.push(Frame(pixels=np.full((256, 256, 3), 90, np.uint8), index=index))
        assert encoder.has_face is has_face
    with pytest.raises(ConfigError, match="has_face needs an encoder with"):
        assert Encoder(model).has_face


def test_settings_of_a_call_are_checked(model: CodecModel) -> None:
    for wrong, said in (
        ({"packet_frames": 0}, "packet_frames is 0, allowed are 1 to 4"),
        ({"max_packet_bytes": 100}, "max_packet_bytes is 100, allowed are 600"),
        ({"bitrate": None}, "needs both"),
        ({"bucket_s": None}, "needs both"),
    ):
        with pytest.raises(ConfigError, match=said):
            Encoder(model, replace(EncodeSettings.live(), **wrong))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"request_reference needs an encoder with EncodeSettings\.live"):
        Encoder(model).request_reference()
    with pytest.raises(ConfigError, match="no frame was pushed"):
        Encoder(model, EncodeSettings.live()).flush()


def test_codes_may_be_packed(model: CodecModel, make_frames: MakeFrames) -> None:
    encoder = Encoder(model, EncodeSettings.live(bitrate=8000, packet_frames=4, mode=CodingMode.PACKED))
    sent = push_all(encoder, make_frames(9))
    assert [tick for _, tick, _ in motions(sent)] == [0, 1, 5] and encoder.header.coding.mode is CodingMode.PACKED
