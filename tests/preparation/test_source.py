"""One source: where its clips lie, what they show, what they are called."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bcdcodec.errors import ConfigError
from bcdcodec.frame import CropBox
from bcdcodec.preparation import source
from bcdcodec.preparation.record import ClipRecord
from bcdcodec.preparation.source import Job, Outcome, Settings, prepare_source
from bcdcodec.video.crop import crop
from bcdcodec.video.reader import VideoReader
from bcdcodec.video.writer import VideoWriter

SETTINGS = Settings(clip_seconds=2, person="source")


def run(path: Path, folder: Path) -> Outcome:
    folder.mkdir(exist_ok=True)
    return prepare_source(Job(source=path, folder=folder, settings=SETTINGS))


def test_shots_with_a_face_are_cut_into_clips(videos: Path, tmp_path: Path) -> None:
    record = run(videos / "A holiday.mp4", tmp_path / "clips").record
    assert record is not None
    assert (record.shots, record.shots_without_face, record.faces) == (3, 1, ())
    # 80 frames are 50 and 30; of 55 the last 5 are too few.
    assert [(clip.shot, clip.start, clip.frames) for clip in record.clips] == [(0, 0, 50), (0, 50, 30), (1, 105, 50)]


def test_a_clip_shows_the_square(videos: Path, tmp_path: Path) -> None:
    record = run(videos / "more/b.MKV", tmp_path / "clips").record
    assert record is not None
    (clip,) = record.clips
    with VideoReader(tmp_path / "clips" / clip.clip, Fraction(25)) as reader:
        assert not reader.has_audio and reader.source_rate == 25
        found = list(reader)
    with VideoReader(videos / "more/b.MKV", Fraction(25)) as reader:
        expected = [crop(frame, CropBox(x=clip.x, y=clip.y, size=clip.size), 256).pixels for frame in reader]
    assert len(found) == clip.frames == len(expected)
    assert clip.x + clip.size / 2 > 160  # the face is right of the middle
    assert np.abs(found[-1].pixels.astype(int) - expected[-1]).mean() < 3


def test_names_come_from_the_bytes(videos: Path, tmp_path: Path) -> None:
    here = run(videos / "more/b.MKV", tmp_path / "clips")
    elsewhere = (videos / "more/b.MKV").rename(tmp_path / "c.mkv")
    assert run(elsewhere, tmp_path / "again") == here
    names = [
        sorted(path.relative_to(folder) for path in folder.rglob("*"))
        for folder in (tmp_path / "clips", tmp_path / "again")
    ]
    assert names[0] == names[1]
    assert here.record is not None
    name = here.record.clips[0].clip
    assert (tmp_path / "clips" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_finished_sources_are_not_made_again(videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(videos / "more/b.MKV", tmp_path / "clips")
    assert first.record is not None
    clip = tmp_path / "clips" / first.record.clips[0].clip
    made = clip.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(source, "_make", None)
        assert run(videos / "more/b.MKV", tmp_path / "clips") == replace(first, made=False)
    clip.unlink()
    assert run(videos / "more/b.MKV", tmp_path / "clips") == first
    assert clip.read_bytes() == made


def test_nothing_half_written_stays(videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(writer: VideoWriter, frame: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(VideoWriter, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        run(videos / "more/b.MKV", tmp_path / "clips")
    assert list((tmp_path / "clips").iterdir()) == []


def test_a_file_that_cannot_be_read_is_an_outcome(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no media")
    outcome = run(tmp_path / "a.mp4", tmp_path / "clips")
    assert outcome.record is None
    assert "a.mp4 is not a media file" in outcome.failure and "\n" not in outcome.failure
    assert "No such file" in run(tmp_path / "b.mp4", tmp_path / "clips").failure


def test_clips_are_no_shorter_than_their_last_piece() -> None:
    with pytest.raises(ConfigError, match=r"clips of 0.5 s .* at least 1 s"):
        Settings(clip_seconds=0.5, person="faces")


def test_records_are_of_this_shape(videos: Path, tmp_path: Path) -> None:
    record = run(videos / "more/b.MKV", tmp_path / "clips").record
    assert record is not None
    assert all(isinstance(clip, ClipRecord) for clip in record.clips)
    assert (tmp_path / "clips/sources" / f"{record.source}.json").is_file()
