"""What each reduction keeps and drops: every shot its first frame, audio its place, content that is needed."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_kit import SHOTS, Shot, build, ever_lower, firsts, read

from bcdcodec import transcode
from bcdcodec.bitstream.packet import PacketKind
from bcdcodec.bitstream.records import (
    CodingMode,
)
from bcdcodec.codec.transcode.variants import RateReduction
from bcdcodec.errors import RateError

pytestmark = pytest.mark.usefixtures("golden_weights")


def test_no_reduction_goes_further_than_needed(folder: Path) -> None:
    shots = [Shot((8,) * 240), Shot((8,) * 10), Shot((8,) * 10, box=5)]
    source = build(folder / "in.bcd", shots, sound=False, rate=Fraction(50))
    found = list(ever_lower(source, folder / "out.bcd"))
    assert [result.reduction for result in found] == list(RateReduction)
    sizes = [result.after.video_bits for result in found]
    assert sizes == sorted(sizes, reverse=True)


def test_content_that_repeats_is_dropped_and_that_of_another_shot_is_not(folder: Path) -> None:
    shots = [Shot((8, 8)), Shot((8, 8)), Shot((8, 8), box=7), Shot((8, 8), box=7), Shot((8, 8))]
    source = build(folder / "in.bcd", shots, sound=False)
    next(each for each in ever_lower(source, folder / "out.bcd") if each.reduction is RateReduction.CONTENT)
    before, after = read(source), read(folder / "out.bcd")
    assert before.contents == [16, 32, 48, 64]
    assert after.contents == [32, 64]
    assert after.shown == before.shown
    assert after.keys == before.keys


@pytest.mark.parametrize(("first", "frame_step"), [(13, 2), (13, 4), (14, 4), (15, 4)])
def test_every_shot_keeps_its_first_frame_at_odd_offsets(first: int, frame_step: int, folder: Path) -> None:
    source = build(folder / "in.bcd", [Shot((8, first - 8)), Shot((8, 8, 8), box=5)], sound=False)
    result = next(each for each in ever_lower(source, folder / "out.bcd") if each.reduction.frame_step == frame_step)
    before, after = read(source), read(folder / "out.bcd")
    assert result.after.header.video.frame_rate == Fraction(25, 2) / frame_step
    (start,) = after.contents
    assert start in after.keys
    assert after.shown[start] == before.shown[first]
    assert after.shown[start - 1][1] == before.shown[0][1]
    assert [after.shown[tick] for tick in range(start)] == [before.shown[frame_step * tick] for tick in range(start)]
    assert abs(start * frame_step - first) <= frame_step / 2
    assert abs(result.after.duration_s - result.before.duration_s) <= float(1 / result.after.header.video.frame_rate)


def test_shots_of_single_frames_are_not_thinned_out(folder: Path) -> None:
    source = build(folder / "in.bcd", [Shot((1,), box=box) for box in range(40)], sound=False)
    with pytest.raises(RateError):
        transcode(source, folder / "out.bcd", bitrate=600)


@settings(max_examples=25)
@given(
    shots=SHOTS,
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
@given(shots=SHOTS)
def test_what_is_kept_of_any_stream_is_what_was_there(shots: list[Shot], folder: Path) -> None:
    source = build(folder / "in.bcd", shots)
    before = read(source)
    for result in ever_lower(source, folder / "out.bcd"):
        after, every = read(folder / "out.bcd"), result.reduction.frame_step
        assert after.sound == before.sound
        ticks = sorted(after.shown)
        for tick in ticks:  # each is one of the frames within a new frame's time of its own
            near = [before.shown.get(tick * every + back) for back in range(-every, every + 1)]
            assert after.shown[tick] in near
        # No shot is lost, and each begins with its first frame.
        shots_before = [codes for codes, _ in firsts(before)]
        shots_after = [codes for codes, _ in firsts(after)]
        assert shots_after == shots_before


def test_sound_stays_between_the_frames_it_was_between(folder: Path) -> None:
    source = build(folder / "in.bcd", [Shot((8,) * 25)])
    transcode(source, folder / "out.bcd")
    times = [
        packet.timestamp * (0.02 if packet.kind == PacketKind.AUDIO else 0.08)
        for packet in read(folder / "out.bcd").packets
    ]
    assert max(np.maximum.accumulate(times) - times) < 0.5  # nothing is written long after its time
