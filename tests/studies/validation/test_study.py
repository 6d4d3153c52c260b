"""The validation study on the tiny model: its files, resuming, and what it shows."""

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from media_kit import textured, write_video

from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.errors import MissingExtraError, install_command
from bcdcodec.evaluation.harness.clips import read_clips
from bcdcodec.evaluation.metrics.judges import JUDGES
from bcdcodec.studies.validation import measure, study
from bcdcodec.video import track
from bcdcodec.video.face import Face

ROWS = [
    ("b2.mp4", "bob", "some/where", "not stated", "unknown"),
    ("a1.mp4", "amy", "else/where", "CC BY 4.0", "permissive"),
]
COLUMNS = ("clip", "person", "source", "license", "license_class")
Bcd = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path, talking_clip: Path) -> Path:
    """Two people, one clip each."""
    folder = tmp_path / "clips"
    folder.mkdir()
    with (folder / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *ROWS])
    for row in ROWS:
        shutil.copy(talking_clip, folder / row[0])
    return folder


@pytest.fixture
def run(bcd: Bcd, folder: Path, tiny_weights: Path, tmp_path: Path) -> Bcd:
    """`bcd bench validation`, fast: one step, half a second, no judges."""
    fixed = ["bench", "validation", folder, "--weights", tiny_weights, "--preset", "fast", "--limit-seconds", 0.5]
    fixed += ["--judges", "none", "--device", "cpu", "--out", tmp_path / "out", "--work", tmp_path / "work"]
    return lambda *more: bcd(*fixed, *more)


def test_all_files_are_written(run: Bcd, tmp_path: Path) -> None:
    done = run("--json")
    assert done.code == 0
    printed = json.loads(done.out)
    assert printed == json.loads((tmp_path / "out/validation/validation.json").read_text())
    assert [clip["clip"] for clip in printed["clips"]] == ["a1", "b2"]
    assert [clip["donor"] for clip in printed["clips"]] == ["b2", "a1"]
    assert printed["summary"]["metrics"][0]["clips"]["mismatched_content"] == 2
    assert "| `a1` | 2.00 |" in (tmp_path / "out/validation.md").read_text()


def test_only_clips_that_may_be_shown_are_published(run: Bcd, tmp_path: Path) -> None:
    assert run().code == 0
    published = tmp_path / "out/validation/contact_sheet.png"
    assert not published.exists()
    assert (tmp_path / "work/contact_sheet.png").exists()
    assert "contact_sheet" not in (tmp_path / "out/validation.md").read_text()
    assert run("--publish").code == 0
    page = (tmp_path / "out/validation.md").read_text()
    assert "![source above, decoded below](validation/contact_sheet.png)" in page
    assert "- a1: else/where, CC BY 4.0" in page and "- b2" not in page
    assert b"a1: else/where, CC BY 4.0" in published.read_bytes()


def test_finished_clips_are_not_measured_again(run: Bcd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []

    def counted(model: object, clip: Any, *more: Any, **named: Any) -> object:
        measured.append(clip.name)
        return measure.measure_clip(model, clip, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(study, "measure_clip", counted)
    assert run("--only", "b2").code == 0
    assert run().code == 0
    assert measured == ["b2", "a1"]
    first = json.loads((tmp_path / "out/validation/validation.json").read_text())
    assert run().code == 0
    assert measured == ["b2", "a1"]
    assert json.loads((tmp_path / "out/validation/validation.json").read_text()) == first
    assert run("--only", "a1", "--steps", "2").code == 0
    assert measured == ["b2", "a1", "a1"], "other settings are other results"


def test_sheet_clips_are_spread_over_the_people(folder: Path) -> None:
    clips = read_clips(folder)
    assert [clip.name for clip in study.sheet_clips(clips, publish=False)] == ["a1", "b2"]
    assert [clip.name for clip in study.sheet_clips(clips, publish=True)] == ["a1"]
    assert study.sheet_clips(clips[1:], publish=True) == []


def test_a_failure_is_one_line(run: Bcd, bcd: Bcd, tmp_path: Path) -> None:
    assert "no folder of clips" in bcd("bench", "validation", tmp_path / "nowhere", "--out", tmp_path).err
    done = run("--only", "zz")
    assert done.code == 2 and done.err.count("\n") == 1 and "zz" in done.err
    assert run("--limit-seconds", "0").code == 2


@pytest.mark.parametrize(("judge", "extra"), [("mesh", "encode"), ("dlib", "judge")])
def test_a_judge_needs_its_extra(run: Bcd, monkeypatch: pytest.MonkeyPatch, judge: str, extra: str) -> None:
    def missing(pixels: object) -> None:
        raise MissingExtraError(f"faces need packages: {install_command(extra)}")

    monkeypatch.setitem(JUDGES, judge, replace(JUDGES[judge], find=missing))
    done = run("--judges", judge)
    assert done.code == 2 and f"'.[{extra}]'" in done.err and done.err.count("\n") == 1


def test_an_unknown_judge_is_named(run: Bcd) -> None:
    done = run("--judges", "mesh,jury")
    assert done.code == 2 and "judge is jury" in done.err


def test_any_folder_of_videos_will_do(run: Bcd, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "clips.csv").unlink()
    monkeypatch.setattr(track, "detect_faces", lambda frame: [Face(x=60, y=30, width=30, height=40, score=1.0)])
    done = run("--publish", "--json")
    assert done.code == 0 and "no clip of 2 has a licence that permits to publish it" in done.err
    found = json.loads(done.out)
    assert [(clip["clip"], clip["person"], clip["donor"]) for clip in found["clips"]] == [
        ("a1", "a1", "b2"),
        ("b2", "b2", "a1"),
    ]
    assert not (tmp_path / "out/validation/contact_sheet.png").exists()
    (stream,) = (tmp_path / "work").glob("a1-*.bcd")
    with stream.open("rb") as file:
        assert StreamReader(file).header.content.size < 120  # not the whole picture, as of a list


def test_clips_that_cannot_be_measured_are_named(
    run: Bcd, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "clips.csv").unlink()
    face = [Face(x=60, y=30, width=30, height=40, score=1.0)]
    monkeypatch.setattr(track, "detect_faces", lambda frame: face if frame.width == 160 else [])
    write_video(folder / "wall.mp4", [textured(3, 128, 96)] * 25)
    done = run("--only", "a1,wall")
    assert done.code == 2
    page = (tmp_path / "out/validation.md").read_text()
    assert "- wall: no face found in" in page and "| `a1` | 2.00 |" in page
    done = run("--only", "wall")
    assert done.code == 2 and "none of 1 could be measured; wall: no face found" in done.err


def test_the_quick_version_has_a_page_of_its_own(
    run: Bcd, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "QUICK_CLIPS", 1)
    monkeypatch.setattr(study, "QUICK_SECONDS", 0.5)
    done = run("--quick")
    assert (done.code, done.out) == (0, f"{tmp_path / 'out/quick/validation.md'}\n")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["quick"]
    page = (tmp_path / "out/quick/validation.md").read_text()
    assert "**Quick version**: the first 0.5 s of 1 of 2 clips." in page and "| `a1` | 0.48 |" in page
    assert "| `b2`" not in page
