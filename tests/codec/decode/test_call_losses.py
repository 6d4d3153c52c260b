"""Calls over a network: what is lost, late, twice or out of order never paints a wrong picture."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.codec.decode.concealment import HoldConcealer
from bcdcodec.codec.decode.decoder import MAX_WAITING_FRAMES, DecodedFrame, Decoder
from bcdcodec.codec.decode.references import MAX_LOST
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.encode.encoder import Encoder
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.frame import CropBox, Frame

WARPS = SamplingConfig(steps=0, guidance=1.0)
BOXES = CropBox(x=0, y=0, size=90), CropBox(x=4, y=6, size=80)


class Call:
    """A call of three scenes, each but the first after a cut; the last one has another square."""

    def __init__(self, model: CodecModel) -> None:
        rng = np.random.default_rng(5)
        scenes = [np.kron(rng.integers(0, 256, (6, 6, 3)), np.ones((16, 16, 1))).astype(np.uint8) for _ in range(3)]
        encoder = Encoder(model, EncodeSettings.live(bitrate=16_000, max_packet_bytes=600))
        self.packets: list[Packet] = []
        for index in range(40):
            if index == 2:
                encoder.request_reference()
            if index in (14, 27):
                self.packets += encoder.new_shot()
            scene = 0 if index < 14 else 1 if index < 27 else 2
            frame = Frame(pixels=np.ascontiguousarray(np.roll(scenes[scene], index, axis=1)), index=index)
            self.packets += encoder.push(frame, box=BOXES[scene == 2])
        self.model, self.header = model, encoder.header
        self.numbers = {p.timestamp: MotionPayload.unpack(p.payload).reference for p in self.of(PacketKind.MOTION)}
        self.whole = self.decode(self.packets)

    def of(self, kind: PacketKind) -> list[Packet]:
        return [packet for packet in self.packets if packet.kind == kind]

    def content(self, number: int) -> Packet:
        """The packet that ends a picture."""
        return next(p for p in self.of(PacketKind.CONTENT) if ContentRecord.unpack(p.payload).number == number)

    def decoder(self, header: StreamHeader | None = None) -> Decoder:
        settings = DecodeSettings(sampling=WARPS, concealer=HoldConcealer())
        return Decoder(self.model, header or self.header, settings)

    def decode(self, packets: Iterable[Packet]) -> dict[int, DecodedFrame]:
        decoder = self.decoder()
        frames = [frame for packet in packets for frame in decoder.push(packet)]
        found = {frame.index: frame for frame in frames}
        assert len(found) == len(frames) and list(found) == sorted(found), "every frame once, in order"
        return found

    def without(self, *lost: Packet) -> list[Packet]:
        return [packet for packet in self.packets if packet not in lost]

    def assert_real(self, found: dict[int, DecodedFrame], ticks: Iterable[int]) -> None:
        """The frames of these ticks are real, all others are concealed, and no real one is another picture."""
        assert [tick for tick, frame in found.items() if not frame.concealed] == list(ticks)
        for tick, frame in found.items():
            assert frame.concealed or np.array_equal(frame.pixels, self.whole[tick].pixels)


@pytest.fixture(scope="module")
def call(model: CodecModel) -> Call:
    return Call(model)


def test_the_call_has_what_the_tests_lose(call: Call) -> None:
    assert sorted(set(call.numbers.values())) == [0, 1, 2, 3]
    assert all(ContentRecord.unpack(call.content(number).payload).parts > 0 for number in (1, 2, 3))
    assert list(call.whole) == list(call.numbers) and not any(frame.concealed for frame in call.whole.values())
    assert [ContentRecord.unpack(p.payload).number for p in call.of(PacketKind.CONTENT)] == [1, 2, 0, 3]


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("what", ["part", "end"])
def test_frames_of_a_lost_picture_are_concealed(call: Call, number: int, what: str) -> None:
    """Also where it begins a scene, with its square or without."""
    end = call.content(number)
    before = [p for p in call.of(PacketKind.CONTENT_PART) if p.sequence < end.sequence]
    found = call.decode(call.without(end if what == "end" else before[-1]))
    named = [tick for tick, name in call.numbers.items() if name == number]
    call.assert_real(found, [tick for tick, name in call.numbers.items() if name != number])
    assert all(found[tick].concealed for tick in named)


def test_a_lost_blank_costs_nothing(call: Call) -> None:
    found = call.decode(call.without(call.content(0)))
    assert all(np.array_equal(found[tick].pixels, call.whole[tick].pixels) for tick in call.numbers)


def test_a_lost_motion_packet_costs_its_frames(call: Call) -> None:
    lost = [p for p in call.of(PacketKind.MOTION) if p.timestamp in (0, 5, 6)]
    call.assert_real(call.decode(call.without(*lost)), [tick for tick in call.numbers if tick not in (0, 5, 6)])


def test_a_decoder_says_when_it_needs_a_picture(call: Call) -> None:
    decoder = call.decoder()
    needs = {}
    for packet in call.without(call.content(1)):
        decoder.push(packet)
        if packet.kind == PacketKind.MOTION:
            needs[packet.timestamp] = decoder.needs_reference
    assert needs == {tick: number == 1 for tick, number in call.numbers.items()}


def test_duplicates_are_ignored(call: Call) -> None:
    found = call.decode([packet for packet in call.packets for _ in range(2)])
    call.assert_real(found, call.numbers)


def test_a_packet_that_comes_too_late_is_refused(call: Call) -> None:
    """It is lost: its frames were concealed when the next packet came."""
    packets = list(call.packets)
    at = next(index for index, packet in enumerate(packets) if packet.timestamp == 8)
    assert packets[at].kind == packets[at - 1].kind == PacketKind.MOTION
    packets[at - 1 : at + 1] = packets[at], packets[at - 1]
    found = call.decode(packets)
    call.assert_real(found, [tick for tick in call.numbers if tick != 7])


def test_a_picture_whose_parts_are_swapped_is_lost(call: Call) -> None:
    end = call.content(2)
    parts = [p for p in call.of(PacketKind.CONTENT_PART) if call.content(1).sequence < p.sequence < end.sequence]
    assert len(parts) > 1
    packets = list(call.packets)
    first, second = packets.index(parts[0]), packets.index(parts[1])
    packets[first], packets[second] = packets[second], packets[first]
    found = call.decode(packets)
    assert all(frame.concealed or np.array_equal(frame.pixels, call.whole[t].pixels) for t, frame in found.items())
    assert all(found[tick].concealed for tick, name in call.numbers.items() if name == 2)


@pytest.mark.parametrize("joined", [3, 10, 16, 30])
def test_who_comes_late_sees_nothing_until_a_picture_is_whole(call: Call, joined: int) -> None:
    """The header's picture is number 0, and nothing else is."""
    heard = [packet for packet in call.packets if packet.timestamp >= joined]
    whole = {ContentRecord.unpack(packet.payload).number for packet in heard if packet.kind == PacketKind.CONTENT}
    starts = [min(p.sequence for p in heard)]
    complete = {0} | {
        number
        for number in whole
        if number and ContentRecord.unpack(call.content(number).payload).parts <= _parts_before(call, number, starts[0])
    }
    found = call.decode(heard)
    real = [tick for tick, name in call.numbers.items() if tick >= joined and name in complete]
    call.assert_real(found, real)
    assert min(found, default=40) == min(real, default=40), "nothing is concealed before the first picture"


def _parts_before(call: Call, number: int, since: int) -> int:
    """Parts of a picture that come after this sequence number."""
    end, before = call.content(number).sequence, 0
    ends = [p.sequence for p in call.of(PacketKind.CONTENT) if p.sequence < end]
    before = max(ends, default=0)
    return len([p for p in call.of(PacketKind.CONTENT_PART) if max(before, since - 1) < p.sequence < end])


@pytest.mark.parametrize("seed", range(4))
def test_no_disorder_paints_a_wrong_picture(call: Call, seed: int) -> None:
    """Packets lost, repeated and swapped at random: what is real is as it was sent."""
    rng = np.random.default_rng(seed)
    packets = [packet for packet in call.packets for _ in range(rng.choice([0, 1, 2], p=[0.2, 0.7, 0.1]))]
    for index in np.flatnonzero(rng.random(len(packets) - 1) < 0.1):
        packets[index], packets[index + 1] = packets[index + 1], packets[index]
    found = call.decode(packets)
    real = [tick for tick, frame in found.items() if not frame.concealed]
    assert all(np.array_equal(found[tick].pixels, call.whole[tick].pixels) for tick in real)
    assert 4 <= len(real) < len(call.numbers)


def test_frames_that_were_concealed_ahead_are_not_shown_twice(call: Call) -> None:
    decoder = call.decoder()
    motions = call.of(PacketKind.MOTION)
    frames = [*decoder.push(motions[0]), *decoder.conceal(3)]
    for packet in motions[1:5]:
        frames += decoder.push(packet)
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame.index for frame in frames if frame.concealed] == [1, 2]


def test_a_number_is_not_believed_after_as_many_losses(call: Call) -> None:
    """So many may have given it to another picture."""
    start = [packet for packet in call.packets if packet.sequence <= call.content(1).sequence + 1]
    again = replace(start[-1], timestamp=start[-1].timestamp + 1)
    assert MotionPayload.unpack(again.payload).reference == 1
    for missing, is_real in ((MAX_LOST - 1, True), (MAX_LOST, False)):
        decoder = call.decoder()
        for packet in start:
            decoder.push(packet)
        (frame,) = decoder.push(replace(again, sequence=again.sequence + 1 + missing))
        assert frame.concealed is not is_real and decoder.needs_reference is not is_real


def test_other_streams_may_have_lost_a_shot(call: Call) -> None:
    """They give numbers again: a key packet that nothing explains follows a lost content."""
    header = replace(call.header, call=False)
    first, second, third = call.of(PacketKind.MOTION)[:3]
    key = replace(third, payload=replace(MotionPayload.unpack(third.payload), key=True).pack())
    for packet, lost, is_real in ((third, 0, True), (third, 1, True), (key, 0, True), (key, 1, False)):
        decoder = call.decoder(header)
        for before in (first, second):
            decoder.push(before)
        frames = decoder.push(replace(packet, sequence=2 + lost))
        assert [frame.concealed for frame in frames] == [not is_real], (packet, lost)
    late = call.decoder(header)
    assert late.push(replace(third, sequence=30)) == [], "and who comes late has no picture"


def test_a_decoder_holds_nothing_back(call: Call) -> None:
    decoder = call.decoder()
    assert decoder.delay_frames == 0
    motion = call.of(PacketKind.MOTION)[0]
    assert [frame.index for frame in decoder.push(motion)] == [0] and decoder.flush() == []
    beside = Decoder(call.model, call.header, DecodeSettings(sampling=WARPS, batch_segments=2))
    assert beside.delay_frames == MAX_WAITING_FRAMES - 1
