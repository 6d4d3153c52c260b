"""Frames of lost packets: how many, marked, the same every time, and never in the way of real ones."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from torch import Tensor

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import Packet, PacketKind
from bcdcodec.codec.decode.concealment import (
    HISTORY_FRAMES,
    MAX_GAP_FRAMES,
    Codes,
    Concealer,
    HoldConcealer,
    LossTracker,
)
from bcdcodec.codec.decode.decoder import DecodedFrame, Decoder
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError
from bcdcodec.frame import Frame

MakeFrames = Callable[[int], list[Frame]]
EncodeFrames = Callable[..., tuple[StreamHeader, list[Packet]]]
Stream = tuple[StreamHeader, list[Packet]]


class Recorder:
    """Holds, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, int | None]] = []

    def fill(self, before: Codes, frames: int, *, after: Codes | None, content: Tensor) -> Codes:
        assert content.shape == (4, 32, 32)
        self.asked.append((len(before), frames, None if after is None else len(after)))
        return HoldConcealer().fill(before, frames, after=after, content=content)


@pytest.fixture(scope="module")
def five_packets(model: CodecModel, make_frames: MakeFrames, encode_frames: EncodeFrames) -> Stream:
    """Five packets of eight frames, one chain."""
    return encode_frames(model, make_frames(40), EncodeSettings(bitrate=None))


def decode(
    model: CodecModel, stream: Stream, *, lost: tuple[int, ...], concealer: Concealer | None, parallel: int = 1
) -> list[DecodedFrame]:
    header, packets = stream
    decoder = Decoder(model, header, DecodeSettings(concealer=concealer, batch_segments=parallel))
    frames = [f for i, packet in enumerate(packets) if i not in lost for f in decoder.push(packet)]
    return frames + decoder.flush()


@pytest.mark.parametrize("parallel", [1, 4])
def test_missing_frames_are_filled_and_marked(model: CodecModel, five_packets: Stream, parallel: int) -> None:
    recorder = Recorder()
    frames = decode(model, five_packets, lost=(1, 2), concealer=recorder, parallel=parallel)
    assert [frame.index for frame in frames] == list(range(40))
    assert [frame.index for frame in frames if frame.concealed] == list(range(8, 24))
    assert recorder.asked == [(8, 16, 8)]
    again = decode(model, five_packets, lost=(1, 2), concealer=HoldConcealer(), parallel=parallel)
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(frames, again, strict=True))


def test_without_loss_nothing_changes(model: CodecModel, five_packets: Stream) -> None:
    plain = decode(model, five_packets, lost=(), concealer=None)
    shielded = decode(model, five_packets, lost=(), concealer=HoldConcealer())
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(plain, shielded, strict=True))
    assert not any(frame.concealed for frame in shielded)


def test_without_a_concealer_they_are_left_out(model: CodecModel, five_packets: Stream) -> None:
    frames = decode(model, five_packets, lost=(1,), concealer=None)
    assert [frame.index for frame in frames] == [*range(8), *range(16, 40)]


def test_held_frames_are_the_last_codes_again(model: CodecModel, five_packets: Stream) -> None:
    codes = np.arange(6)[:, None].repeat(3, 1)
    held = HoldConcealer().fill(codes, 4, after=None, content=model.bcd.quantizer.codebook)
    assert held.tolist() == [[5, 5, 5]] * 4


def test_nothing_is_predicted_before_the_first_packet(model: CodecModel, five_packets: Stream) -> None:
    frames = decode(model, five_packets, lost=(0,), concealer=HoldConcealer())
    assert [frame.index for frame in frames] == list(range(8, 40))


def test_the_end_is_predicted_when_it_is_asked_for(model: CodecModel, five_packets: Stream) -> None:
    header, packets = five_packets
    recorder = Recorder()
    decoder = Decoder(model, header, DecodeSettings(concealer=recorder))
    frames = [frame for packet in packets[:4] for frame in decoder.push(packet)]
    frames += decoder.conceal(37) + decoder.conceal(40)
    assert [frame.index for frame in frames if frame.concealed] == list(range(32, 40))
    assert recorder.asked == [(32, 5, None), (37, 3, None)]
    assert decoder.conceal(40) == []
    with pytest.raises(ConfigError, match="given a concealer"):
        Decoder(model, header).conceal(4)


def test_a_new_shot_starts_without_a_past(model: CodecModel, five_packets: Stream) -> None:
    header, packets = five_packets
    content = Packet(PacketKind.CONTENT, 3, 24, header.content.pack())
    later = [replace(packet, sequence=packet.sequence + 1) for packet in packets[3:]]
    recorder = Recorder()
    # The end of the first shot is lost, and so is the start of the second.
    frames = decode(model, (header, [*packets[:2], content, *later[1:]]), lost=(), concealer=recorder)
    assert [frame.index for frame in frames if frame.concealed] == list(range(16, 24))
    assert recorder.asked == [(16, 8, None)] and frames[24].index == 32


def test_frames_between_a_predicted_and_a_real_one_are_predicted(model: CodecModel, five_packets: Stream) -> None:
    header, packets = five_packets
    decoder = Decoder(model, header, DecodeSettings(concealer=HoldConcealer(), frame_multiplier=2))
    frames = [frame for i, packet in enumerate(packets) if i != 1 for frame in decoder.push(packet)]
    frames += decoder.flush()
    assert [frame.index for frame in frames] == list(range(79))
    # Ticks 8 to 15 were lost; two frames are painted for a tick, the second of them on the way to the next tick.
    assert [frame.index for frame in frames if frame.concealed] == list(range(15, 32))


def test_a_pause_that_nobody_lost_stays_a_pause() -> None:
    recorder = Recorder()
    gaps = LossTracker(recorder)
    gaps.observe(Packet(PacketKind.MOTION, 0, 0, b""))
    gaps.add(np.zeros((8, 3), np.int64), 0)
    gaps.observe(Packet(PacketKind.MOTION, 1, 50, b""))
    assert gaps.fill(50, after=np.zeros((8, 3), np.int64), content=None) is None  # type: ignore[arg-type]


def test_history_and_gaps_are_bounded() -> None:
    class Long:
        def fill(self, before: Codes, frames: int, *, after: Codes | None, content: Tensor) -> Codes:
            assert len(before) == HISTORY_FRAMES
            return before[:1].repeat(frames, axis=0)

    gaps = LossTracker(Long())
    gaps.add(np.zeros((3 * HISTORY_FRAMES, 2), np.int64), 0)
    for frames, filled in ((MAX_GAP_FRAMES, True), (MAX_GAP_FRAMES + 1, False), (0, False)):
        gaps.mark_lost()
        found = gaps.fill(gaps.end + frames, after=None, content=None)  # type: ignore[arg-type]
        assert (found is not None) == filled
