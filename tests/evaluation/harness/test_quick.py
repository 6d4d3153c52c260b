"""Quick versions: which clips, how much of them, and the note."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from bcdcodec.evaluation.harness.clips import Excerpts, read_clips, read_frames
from bcdcodec.evaluation.harness.quick import choose_quick, quick_note, shorten


def test_people_come_before_further_clips_of_one(write_list: Callable[..., Path]) -> None:
    clips = read_clips(write_list("a1.mp4,amy", "a2.mp4,amy", "a3.mp4,amy", "b1.mp4,bob", head="clip,person"))
    assert [[clip.name for clip in choose_quick(clips, count)] for count in (1, 2, 3, 9)] == [
        ["a1"],
        ["a1", "b1"],
        ["a1", "a2", "b1"],
        ["a1", "a2", "a3", "b1"],
    ]


def test_people_are_spread(write_list: Callable[..., Path]) -> None:
    clips = read_clips(write_list(*(f"{name}.mp4,{name}" for name in "abcde"), head="clip,person"))
    assert [clip.name for clip in choose_quick(clips, 3)] == ["a", "c", "e"]


def test_clips_keep_their_names_and_start(clips_folder: Path, tmp_path: Path) -> None:
    clips, rate, excerpts = read_clips(clips_folder), Fraction(25, 2), Excerpts(tmp_path / "work")
    short = shorten(clips, excerpts, rate=rate, seconds=0.5, side=64)
    assert [(clip.name, clip.person, clip.seconds, clip.crop) for clip in short] == [
        ("a1", "amy", 0.5, False),
        ("b1", "bob", 0.5, False),
        ("b2", "bob", 0.5, False),
    ]
    frames = read_frames(short[0].path, rate)
    assert frames.shape == (6, 64, 64, 3)
    whole = read_frames(excerpts.prepare(clips[0], rate=rate, seconds=1.0, side=64), rate)
    assert np.array_equal(frames, whole[:6])
    assert shorten(clips, excerpts, rate=rate, seconds=0.5, side=64) == short
    assert all(clip.seconds == 2.0 for clip in shorten(clips, excerpts, rate=rate, seconds=9.0, side=64))


def test_the_note_says_how_much() -> None:
    (line,) = quick_note(2, 51, seconds=2.5, others="Two bitrates of four.")["quick"]
    assert line.startswith("**Quick version**: the first 2.5 s of 2 of 51 clips. Two bitrates of four. ")
