"""Frames from several references: which one, from where on, and what the loss of one costs."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from bcdcodec.bitstream.packet import ContentPart, MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import ContentCoding, ContentRecord
from bcdcodec.bitstream.seek import packets_from, read_index
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.decode.concealment import HoldConcealer
from bcdcodec.codec.decode.decoder import DecodedFrame, Decoder
from bcdcodec.codec.decode.references import DecoderReferences, LoadedContent, LoadedReference
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import BitstreamError
from bcdcodec.frame import CropBox

GOLDEN = Path(__file__).parents[2] / "data" / "golden"
#: Ticks of each reference of the golden stream, by shot and number.
MADE_FROM = {(0, 0): [*range(8), *range(12, 16)], (0, 1): [*range(8, 12)], (0, 2): [*range(16, 20)]}
FRAMES = 25
BOX = CropBox(x=0, y=0, size=8)


@pytest.fixture(scope="module")
def golden_model() -> Iterator[CodecModel]:
    yield CodecModel.load(GOLDEN / "tiny.safetensors", device="cpu")


@pytest.fixture(scope="module")
def data() -> bytes:
    return (GOLDEN / "gallery.bcd").read_bytes()


def decode(
    model: CodecModel, data: bytes, *, lost: tuple[int, ...] = (), concealer: HoldConcealer | None = None
) -> list[DecodedFrame]:
    reader = StreamReader(io.BytesIO(data))
    decoder = Decoder(model, reader.header, DecodeSettings(concealer=concealer))
    frames = [frame for packet in reader if packet.sequence not in lost for frame in decoder.push(packet)]
    if concealer is not None and lost:
        frames += decoder.conceal(reader.motion_tick)
    return frames + decoder.flush()


def packets_of(data: bytes) -> list[Packet]:
    return list(StreamReader(io.BytesIO(data)))


@pytest.fixture(scope="module")
def frames(golden_model: CodecModel, data: bytes) -> list[DecodedFrame]:
    return decode(golden_model, data)


def test_a_reference_that_comes_back_shows_what_it_showed(
    golden_model: CodecModel, data: bytes, frames: list[DecodedFrame]
) -> None:
    """The same codes from the first reference look the same before and after others were in force."""
    reader = StreamReader(io.BytesIO(data))
    packets = list(reader)
    first = next(packet for packet in packets if packet.kind == PacketKind.MOTION)
    decoder = Decoder(golden_model, reader.header)
    shown = decoder.push(Packet(PacketKind.MOTION, 0, 0, first.payload))
    added = [packet for packet in packets if isinstance(packet.record(), ContentRecord)][:2]
    assert [frame for packet in added for frame in decoder.push(packet)] == []
    again = decoder.push(Packet(PacketKind.MOTION, 3, 12, first.payload))
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(shown, again, strict=True))
    other = MotionPayload.unpack(first.payload)
    renamed = MotionPayload(other.frames, True, other.codes, 2).pack()
    assert not np.array_equal(decoder.push(Packet(PacketKind.MOTION, 4, 16, renamed))[0].pixels, shown[0].pixels)


def loaded(content: str, offset: float | None = None) -> LoadedReference:
    """A reference whose content is a name."""
    motion = None if offset is None else np.full(3, offset, np.float32)
    return LoadedReference(cast(LoadedContent, content), motion, BOX)


def addition(number: int, *, drops: int = 0) -> ContentRecord:
    return ContentRecord(x=0, y=0, size=8, coding=ContentCoding.LEVELS, data=b"", number=number, drops=drops)


def test_frames_are_mended_from_the_other_references_that_the_shot_has() -> None:
    first, *added = (loaded(name) for name in ("first", "one", "two", "three"))
    references = DecoderReferences(first, tolerate_loss=False, is_call=False)
    assert references.others(first) == ()
    for number, reference in enumerate(added, 1):
        references.add(addition(number, drops=1 if number == 3 else 0), reference, lost=0)
    assert references.others(first) == ("two", "three")
    assert references.others(added[1]) == ("first", "three")
    assert references.others(added[0]) == (), "one that was dropped is of no shot"
    references.add(addition(0), added[0], lost=0)
    assert references.others(added[0]) == ()


def test_nothing_is_mended_where_content_was_replaced() -> None:
    first = loaded("given")
    references = DecoderReferences(first, tolerate_loss=False, is_call=False)
    references.add(addition(1), loaded("given"), lost=0)
    assert references.others(first) == ()
    moved = loaded("placed elsewhere", offset=1.0)
    references.add(addition(2), moved, lost=0)
    assert references.others(first) == ()
    assert references.others(moved) == ()


def test_a_segment_is_mended_from_what_came_before_it(golden_model: CodecModel, data: bytes) -> None:
    reader = StreamReader(io.BytesIO(data))
    decoder = Decoder(golden_model, reader.header)
    counts = list[int]()
    for packet in reader:
        decoder.add(packet)
        if packet.kind == PacketKind.MOTION:
            counts += [len(segment.others) for segment in decoder.take_segments()[-1:]]
    assert counts[0] == 0
    assert set(counts) == {0, 1}, "of three references the second is dropped for the third"


@pytest.mark.parametrize("tick", [8, 12, 16, 20])
def test_decoding_can_start_at_every_seek_point(
    golden_model: CodecModel, data: bytes, frames: list[DecodedFrame], tick: int
) -> None:
    file = io.BytesIO(data)
    (point,) = [point for point in read_index(file).seek_points if point.tick == tick]
    header = StreamReader(io.BytesIO(data)).header
    decoder = Decoder(golden_model, header)
    found = [frame for packet in packets_from(file, header, point) for frame in decoder.push(packet)] + decoder.flush()
    assert [frame.index for frame in found] == list(range(tick, FRAMES))
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(found, frames[tick:], strict=True))


def test_without_a_concealer_a_lost_reference_is_an_error(golden_model: CodecModel, data: bytes) -> None:
    (added, *_) = [packet.sequence for packet in packets_of(data) if packet.kind == PacketKind.CONTENT]
    with pytest.raises(BitstreamError, match="names reference 1, which never came"):
        decode(golden_model, data, lost=(added,))


def test_any_lost_packet_costs_its_own_frames_and_no_others(
    golden_model: CodecModel, data: bytes, frames: list[DecodedFrame]
) -> None:
    """All but the content that begins a shot, of which there is no other trace."""
    for packet in packets_of(data):
        record = packet.record()
        costs: list[int] = []
        if isinstance(record, MotionPayload):
            costs = [*range(packet.timestamp, packet.timestamp + record.frames)]
        elif isinstance(record, ContentRecord):
            if not record.number:
                continue
            costs = MADE_FROM[0, record.number]
        found = decode(golden_model, data, lost=(packet.sequence,), concealer=HoldConcealer())
        missing = [tick for tick in range(FRAMES) if tick not in [frame.index for frame in found]]
        # Nothing is concealed before the first packet of a shot.
        assert missing == [tick for tick in costs if tick in (*range(4), *range(20, 24))]
        assert [frame.index for frame in found if frame.concealed] == [tick for tick in costs if tick not in missing]
        kept = [frame for frame in found if not frame.concealed]
        window = {tick + step for tick in costs for step in range(1, 5)}  # whose context was lost
        assert all(
            np.array_equal(frame.pixels, frames[frame.index].pixels) for frame in kept if frame.index not in window
        )


def test_a_reference_whose_part_is_lost_is_lost(golden_model: CodecModel, data: bytes) -> None:
    packets = packets_of(data)
    at = next(index for index, packet in enumerate(packets) if packet.kind == PacketKind.CONTENT)
    record = ContentRecord.unpack(packets[at].payload)
    parts = [ContentPart(0, record.data[:9]), ContentPart(1, record.data[9:20])]
    end = ContentRecord(
        x=record.x,
        y=record.y,
        size=record.size,
        coding=record.coding,
        data=record.data[20:],
        parts=2,
        number=record.number,
        drops=record.drops,
    )
    tick = packets[at].timestamp
    sent = [*(Packet(PacketKind.CONTENT_PART, 0, tick, part.pack()) for part in parts)]
    sent.append(Packet(PacketKind.CONTENT, 0, tick, end.pack()))
    whole = [*packets[:at], *sent, *packets[at + 1 :]]
    header = StreamReader(io.BytesIO(data)).header
    for lost in (None, at, at + 1):
        decoder = Decoder(golden_model, header, DecodeSettings(concealer=HoldConcealer()))
        frames = []
        for index, packet in enumerate(whole):
            if index != lost:
                frames += decoder.push(Packet(packet.kind, index, packet.timestamp, packet.payload))
        frames += decoder.flush()
        assert [frame.index for frame in frames] == list(range(FRAMES))
        assert [frame.index for frame in frames if frame.concealed] == ([] if lost is None else MADE_FROM[0, 1])
