"""The list of clips: order, donors, choice, refusals and excerpts."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.harness.clips import (
    Excerpts,
    choose_clips,
    choose_donor,
    face_square,
    read_clips,
    read_frames,
)
from bcdcodec.video import track
from bcdcodec.video.crop import crop
from bcdcodec.video.face import Face
from bcdcodec.video.reader import VideoReader, read_clip

WriteList = Callable[..., Path]


def test_clips_come_by_person_and_name(clips_folder: Path) -> None:
    clips = read_clips(clips_folder)
    assert [(clip.name, clip.person) for clip in clips] == [("a1", "amy"), ("b1", "bob"), ("b2", "bob")]
    assert [clip.may_be_shown for clip in clips] == [True, False, False]
    assert (clips[0].seconds, clips[0].source, clips[2].license) == (2.0, "else/where", "GPL, or so")


def test_a_donor_is_the_next_clip_of_another_person(clips_folder: Path) -> None:
    a1, b1, b2 = clips = read_clips(clips_folder)
    assert [choose_donor(clip, clips) for clip in clips] == [b1, a1, a1]
    assert choose_donor(b1, [b1, b2]) is None


def test_clips_are_chosen_by_name(clips_folder: Path) -> None:
    clips = read_clips(clips_folder)
    assert [clip.name for clip in choose_clips(clips, ["b2.mp4", "a1"])] == ["a1", "b2"]
    with pytest.raises(ConfigError, match="no clips named c9 in the list of 3"):
        choose_clips(clips, ["a1", "c9"])


def test_missing_columns_have_defaults(write_list: WriteList) -> None:
    (clip,) = read_clips(write_list("x.mp4,eve", head="clip,person"))
    assert (clip.seconds, clip.source, clip.license_class, clip.may_be_shown) == (1.0, "unknown", "unknown", False)


@pytest.mark.parametrize(
    ("head", "row", "message"),
    [
        ("name,person", "x.mp4,eve", "needs clip and person"),
        ("clip,person", "x.mp4,", "needs clip and person"),
        ("clip,person,seconds", "x.mp4,eve,long", "needs seconds"),
    ],
)
def test_bad_lists_are_refused(write_list: WriteList, head: str, row: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_clips(write_list(row, head=head))


def test_missing_files_are_refused(write_list: WriteList, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no clips\.csv and no video that can be read; looked for \.avi"):
        read_clips(tmp_path)
    folder = write_list("x.mp4,eve", head="clip,person")
    (folder / "x.mp4").unlink()
    with pytest.raises(ConfigError, match="not in the folder"):
        read_clips(folder)
    with pytest.raises(ConfigError, match="names no clip"):
        read_clips(write_list())


def test_excerpts_are_lossless_squares(clips_folder: Path, tmp_path: Path) -> None:
    clip, other = read_clips(clips_folder)[:2]
    excerpts, rate = Excerpts(tmp_path / "work"), Fraction(25, 2)
    path = excerpts.prepare(clip, rate=rate, seconds=1.0, side=256)
    frames = read_frames(path, rate)
    assert frames.shape == (12, 256, 256, 3)
    direct = np.stack(list(read_clip(clip.path, rate=rate, pixels=256)))[:12]
    assert np.array_equal(frames, direct)
    # Named by what it holds: the same clip under another name is not prepared again, another length is.
    assert excerpts.prepare(other, rate=rate, seconds=1.0, side=256) == path
    assert excerpts.prepare(clip, rate=rate, seconds=0.5, side=256) != path
    other.path.write_bytes(b"something else")
    assert Excerpts(tmp_path).content_hash(other.path) != excerpts.content_hash(clip.path)


def test_without_a_list_every_video_is_a_clip(
    talking_clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("b.mp4", "a.MKV", "b.mkv", ".hidden.mp4", "notes.txt"):
        shutil.copy(talking_clip, folder / name)
    (folder / "broken.mp4").write_bytes(b"no media")
    a, b = clips = read_clips(folder)
    assert [(clip.name, clip.person, clip.source) for clip in clips] == [("a", "a", "a.MKV"), ("b", "b", "b.mkv")]
    assert (a.seconds, a.may_be_shown, a.framed, a.crop) == (pytest.approx(2.0, abs=0.1), False, False, None)
    assert choose_donor(a, clips) == b
    left_out = [record.getMessage() for record in caplog.records]
    assert len(left_out) == 2 and "b.mp4, as b.mkv has the same name" in left_out[0] and "broken.mp4" in left_out[1]
    # A list counts alone, where there is one.
    (folder / "clips.csv").write_text("clip,person\nb.mp4,eve\n")
    assert [(clip.path.name, clip.person, clip.crop) for clip in read_clips(folder)] == [("b.mp4", "eve", False)]


def test_excerpts_of_videos_that_are_not_framed_show_the_face(
    talking_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    face = Face(x=100, y=50, width=20, height=24, score=1.0)
    monkeypatch.setattr(track, "detect_faces", lambda frame: [face])
    shutil.copy(talking_clip, tmp_path)
    (clip,) = read_clips(tmp_path)
    excerpts, rate = Excerpts(tmp_path / "work"), Fraction(25, 2)
    path = excerpts.prepare(clip, rate=rate, seconds=0.5, side=64)
    square = face_square(clip.path, rate=rate, frames=6)
    assert square.size < 120 and square.x < 110 < 110 + 20 < square.x + square.size
    with VideoReader(clip.path, rate) as reader:
        assert np.array_equal(read_frames(path, rate)[0], crop(next(iter(reader)), square, 64).pixels)
    framed = replace(clip, framed=True)
    assert not np.array_equal(
        read_frames(excerpts.prepare(framed, rate=rate, seconds=0.5, side=64), rate)[0], read_frames(path, rate)[0]
    )
