"""How large joined packets become, and what stands between them."""

from fractions import Fraction

import numpy as np
import pytest

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import AudioPayload, Packet, PacketKind
from bcdcodec.bitstream.records import CodingInfo, CodingMode, ContentCoding, ContentRecord, VideoInfo
from bcdcodec.codec.transcode.repacketizer import FrameRun, PacketLayout, Piece, packet_frames
from bcdcodec.ratecontrol.frame_dropping import Run, decimate

CONTENT = ContentRecord(x=0, y=0, size=8, coding=ContentCoding.LEVELS, data=b"content")


@pytest.mark.parametrize(
    ("rate", "window", "frames"),
    [
        (Fraction(25, 2), 8, 64),
        (Fraction(25, 8), 8, 16),
        (Fraction(240), 8, 248),
        (Fraction(1, 10), 64, 64),
        (Fraction(240), 1, 255),
    ],
)
def test_a_joined_packet_is_five_seconds_of_whole_windows(rate: Fraction, window: int, frames: int) -> None:
    assert packet_frames(rate, window) == frames


def layout(runs: list[Run], frame_step: int) -> PacketLayout:
    """One second is ten frames, a window is five."""
    header = StreamHeader(
        model_id=bytes(16),
        video=VideoInfo(width=8, height=8, model_pixels=64, rate_num=10, rate_den=1, cropped=False),
        coding=CodingInfo(mode=CodingMode.PACKED, groups=1, bits_per_code=8, seed=0, window_frames=5, context_frames=0),
        content=CONTENT,
    )
    thinned = decimate(runs, frame_step)
    assert thinned is not None
    return PacketLayout(header, thinned, frame_step)


def sequence(pieces: list[Piece]) -> list[tuple[str, int]]:
    """Kind and tick of each."""
    return [
        ("frames", piece.tick)
        if isinstance(piece, FrameRun)
        else (PacketKind(piece.kind).name.lower(), piece.timestamp)
        for piece in pieces
    ]


def push_all(found: PacketLayout) -> list[tuple[str, int]]:
    """Two shots of 15 frames, the first in packets of 5; sound before, inside and after the first one."""

    def sound(tick: int) -> Packet:
        return Packet(PacketKind.AUDIO, 0, tick, AudioPayload((b"x",)).pack())

    pieces = found.push_audio(sound(0))
    for tick in (0, 5, 10):
        pieces += found.push_motion(tick, tick == 0, np.zeros((5, 1), np.int32), 0)
        pieces += found.push_audio(sound(tick + 5))
    pieces += found.push_content(Packet(PacketKind.CONTENT, 0, 15, CONTENT.pack()), added=False)
    pieces += found.push_motion(15, True, np.zeros((15, 1), np.int32), 0)
    return sequence(pieces + found.flush())


def test_sound_follows_the_frames_it_was_written_after() -> None:
    assert push_all(layout([Run(0, 15), Run(15, 15)], 1)) == [
        *[("audio", 0), ("frames", 0), ("audio", 5), ("audio", 10), ("audio", 15)],
        *[("content", 15), ("frames", 15)],
    ]


def test_content_holds_from_the_new_tick_of_its_first_frame() -> None:
    assert push_all(layout([Run(0, 15), Run(15, 15)], 2)) == [
        *[("audio", 0), ("frames", 0), ("audio", 5), ("audio", 10), ("audio", 15)],
        *[("content", 8), ("frames", 8)],
    ]


def test_content_without_frames_keeps_its_time() -> None:
    found = layout([Run(0, 15)], 2)
    found.push_motion(0, True, np.zeros((15, 1), np.int32), 0)
    pieces = found.push_content(Packet(PacketKind.CONTENT, 0, 15, CONTENT.pack()), added=False)
    assert sequence(pieces) == [("frames", 0), ("content", 8)]
