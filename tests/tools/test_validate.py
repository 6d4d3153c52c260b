"""tools/validate.py on the tiny model: its files, going on where it stopped, and what it shows."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from bcdcodec.evaluation import measure
from bcdcodec.evaluation.harness.clips import read_clips

ROWS = [
    ("b2.mp4", "bob", "some/where", "not stated", "unknown"),
    ("a1.mp4", "amy", "else/where", "CC BY 4.0", "permissive"),
]
COLUMNS = ("clip", "person", "source", "license", "license_class")


@pytest.fixture(scope="module")
def validate(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("tools/validate.py")


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
def run(validate: ModuleType, folder: Path, tiny_weights: Path, tmp_path: Path) -> Callable[..., int]:
    """Run it fast: one step, half a second, no landmarks."""
    fixed = [str(folder), "--weights", str(tiny_weights), "--preset", "realtime", "--limit-seconds", "0.5"]
    fixed += ["--no-landmarks", "--device", "cpu", "--cell", "32"]
    folders = ["--out", str(tmp_path / "out"), "--work", str(tmp_path / "work")]

    def call(*more: str) -> int:
        code: int = validate.main([*fixed, *folders, *more])
        return code

    return call


def test_help(validate: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        validate.main(["--help"])
    assert stopped.value.code == 0
    assert "--publish" in capsys.readouterr().out


def test_all_files_are_written(run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "out" / "validation.json").read_text())
    assert [clip["clip"] for clip in printed["clips"]] == ["a1", "b2"]
    assert [clip["lender"] for clip in printed["clips"]] == ["b2", "a1"]
    assert printed["summary"]["comparisons"][0]["clips_borrowed"] == 2
    assert "| `a1` | 2.00 |" in (tmp_path / "out" / "README.md").read_text()


def test_only_clips_that_may_be_shown_are_published(run: Callable[..., int], tmp_path: Path) -> None:
    assert run() == 0
    assert not (tmp_path / "out" / "contact_sheet.png").exists()
    assert (tmp_path / "work" / "contact_sheet.png").exists()
    assert "contact_sheet" not in (tmp_path / "out" / "README.md").read_text()
    assert run("--publish") == 0
    page = (tmp_path / "out" / "README.md").read_text()
    assert "![source above, decoded below](contact_sheet.png)" in page
    assert "- a1: else/where, CC BY 4.0" in page and "- b2" not in page
    assert b"a1: else/where, CC BY 4.0" in (tmp_path / "out" / "contact_sheet.png").read_bytes()


def test_finished_clips_are_not_measured_again(
    run: Callable[..., int], validate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []

    def counted(model: object, clip: object, *more: object, **named: object) -> object:
        measured.append(clip.name)  # type: ignore[attr-defined]
        return measure.measure_clip(model, clip, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(validate, "measure_clip", counted)
    assert run("--clips", "b2") == 0
    assert run() == 0
    assert measured == ["b2", "a1"]
    first = json.loads((tmp_path / "out" / "validation.json").read_text())
    assert run() == 0
    assert measured == ["b2", "a1"]
    assert json.loads((tmp_path / "out" / "validation.json").read_text()) == first
    assert run("--clips", "a1", "--steps", "2") == 0
    assert measured == ["b2", "a1", "a1"], "other settings are other results"


def test_sheet_clips_are_spread_over_the_people(validate: ModuleType, folder: Path) -> None:
    clips = read_clips(folder)
    assert [clip.name for clip in validate.sheet_clips(clips, publish=False)] == ["a1", "b2"]
    assert [clip.name for clip in validate.sheet_clips(clips, publish=True)] == ["a1"]
    assert validate.sheet_clips(clips[1:], publish=True) == []


def test_a_failure_is_one_line(
    validate: ModuleType, tmp_path: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert validate.main([str(tmp_path / "nowhere"), "--out", str(tmp_path)]) == 2
    assert run("--clips", "zz") == 2
    assert capsys.readouterr().err.count("validate: ") == 2


def test_landmarks_need_their_extra(
    run: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bcdcodec.errors import MissingExtraError

    def missing(frame: object) -> None:
        raise MissingExtraError("face landmarks need the packages (pip install 'bcdcodec[landmarks]')")

    monkeypatch.setattr(measure, "landmarks", missing)
    assert run("--landmarks") == 2
    assert "bcdcodec[landmarks]" in capsys.readouterr().err
