"""Many files in one command: names, what is there already, failures at the end, worker processes."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Bcd = Callable[..., Any]
TINY = ("--weights", "tiny", "--no-crop", "--device", "cpu", "--no-audio")


@pytest.fixture
def videos(talking_clip: Path, tmp_path: Path) -> Path:
    """A folder with two videos, one broken, a text, and a folder with a third video."""
    folder = tmp_path / "videos"
    (folder / "more").mkdir(parents=True)
    for name in ("a.mp4", "b.mp4", "more/c.mp4"):
        shutil.copy(talking_clip, folder / name)
    (folder / "broken.mp4").write_bytes(bytes(range(256)) * 40)
    (folder / "notes.txt").write_text("no video")
    return folder


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_one_file_is_written_beside_its_source(bcd: Bcd, talking_clip: Path, tmp_path: Path) -> None:
    shutil.copy(talking_clip, tmp_path / "my.talk.mp4")
    done = bcd("encode", tmp_path / "my.talk.mp4", *TINY)
    assert done.code == 0 and done.out.startswith(f"{tmp_path / 'my.talk.bcd'}: ")
    done = bcd("decode", tmp_path / "my.talk.bcd")
    assert (done.code, done.err) == (2, f"bcd: error: {tmp_path / 'my.talk.mp4'} exists; -f replaces it\n")
    assert bcd("decode", tmp_path / "my.talk.bcd", "-o", tmp_path / "again.mkv").code == 0
    assert names(tmp_path) == ["again.mkv", "my.talk.bcd", "my.talk.mp4"]


def test_a_folder_goes_on_after_failures_and_resumes(bcd: Bcd, videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "streams"
    done = bcd("encode", videos, "-o", out, *TINY)
    assert done.code == 2
    assert done.err.startswith(f"bcd: error: {videos / 'broken.mp4'}: ") and done.err.count("\n") == 1
    assert done.out.splitlines()[-1] == f"{out}: 2 of 3 written, 0 there already, 1 failed"
    assert names(out) == ["a.bcd", "b.bcd"]
    before = (out / "a.bcd").stat().st_mtime_ns
    done = bcd("encode", videos, "-o", out, *TINY)
    assert done.out.splitlines()[-1] == f"{out}: 0 of 1 written, 2 there already, 1 failed"
    assert (out / "a.bcd").stat().st_mtime_ns == before
    assert bcd("encode", videos / "a.mp4", "-o", f"{out}/", *TINY, "-f", "-q").out == ""
    assert (out / "a.bcd").stat().st_mtime_ns > before
    done = bcd("decode", out, "-o", tmp_path / "decoded")
    assert done.code == 0 and names(tmp_path / "decoded") == ["a.mp4", "b.mp4"]
    assert f"{tmp_path / 'decoded' / 'a.mp4'}: 25 frames at 12.5 fps" in done.out


def test_names_below_folders_and_of_two_kinds(bcd: Bcd, videos: Path, tmp_path: Path) -> None:
    (videos / "broken.mp4").unlink()
    shutil.copy(videos / "a.mp4", videos / "a.mkv")
    assert bcd("encode", videos, "-r", "-o", tmp_path / "out", *TINY).code == 0
    assert names(tmp_path / "out") == ["a.mkv.bcd", "a.mp4.bcd", "b.bcd", "more/c.bcd"]


def test_worker_processes_write_the_same(bcd: Bcd, videos: Path, tmp_path: Path) -> None:
    assert bcd("encode", videos, "-o", tmp_path / "one", *TINY).code == 2
    done = bcd("encode", videos, "-o", tmp_path / "two", "-j", "2", *TINY)
    assert done.code == 2 and "broken.mp4: " in done.err and "2 of 3 written" in done.out
    for name in ("a.bcd", "b.bcd"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (["encode", "a.mp4", "b.mp4", "c.mp4"], "need a folder to write to: -o DIR"),
        (["encode", "."], "need a folder to write to: -o DIR"),
        (["encode", "a.mp4", "b.mp4"], "several videos need -o DIR"),
        (["decode", "a.bcd", "b.bcd"], "several streams need -o DIR"),
        (["encode", "more", "-o", "out"], "folders are searched for .avi"),
        (["encode", "a.mp4", "b.mp4", "-o", "notes.txt"], "notes.txt is a file"),
        (["encode", "a.mp4", "-", "-o", "out"], "standard input is one file"),
        (["encode", ".", "-o", "out", "--ray", "local", *TINY], r"pip install '.[ray]'"),
    ],
)
def test_what_is_missing_is_said(
    line: list[str], reason: str, bcd: Bcd, videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(videos)
    monkeypatch.setitem(sys.modules, "ray", None)
    (videos / "more" / "c.mp4").unlink()
    before = names(videos)
    done = bcd(*line)
    assert done.code == 2 and reason in done.err
    assert names(videos) == before


def test_a_frame_rate_is_a_multiple_of_the_streams(bcd: Bcd, stream_file: Path, tmp_path: Path) -> None:
    done = bcd("decode", stream_file, tmp_path / "25.mp4", "--fps", "25")
    assert done.code == 0 and " frames at 25 fps, " in done.out
    done = bcd("decode", stream_file, tmp_path / "30.mp4", "--fps", "30")
    assert done.code == 2 and "--fps is 30, the stream has 12.5 frames a second; allowed are 12.5, 25, 50" in done.err
