"""The transfer study on two drawn clips: files, resuming, and what may be shown."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.harness.clips import read_clips
from bcdcodec.studies.transfer import study
from bcdcodec.studies.transfer.protocol import make_pairs
from bcdcodec.studies.transfer.study import Request, run_study


@pytest.fixture
def request_(tmp_path: Path, tiny_weights: Path, talking_clip: Path, monkeypatch: pytest.MonkeyPatch) -> Request:
    folder = tmp_path / "clips"
    folder.mkdir()
    rows = [("clip", "person", "seconds", "source", "license", "license_class")]
    rows += [(f"{name}.mp4", name, "2", "some/where", "a licence", "permissive") for name in ("amy", "bob")]
    with (folder / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    for row in rows[1:]:
        shutil.copy(talking_clip, folder / row[0])
    (tmp_path / "pairs.csv").write_text("content,motion\namy,bob\nbob,amy\n")
    # There is no face in the clips, and the networks of faces are an extra.
    monkeypatch.setattr(study, "loaded", lambda name: None)
    monkeypatch.setattr(study, "pair_bounds", lambda content, motion: None)
    monkeypatch.setattr(study, "score_pair", lambda bounds, result: {"transfer": {"csim": float(len(result))}})
    monkeypatch.setattr(study, "page_tables", lambda scores, person_of: {"means": [str(len(scores))]})
    return Request(
        clips=folder, pairs=tmp_path / "pairs.csv", out=tmp_path / "docs", work=tmp_path / "work",
        weights=str(tiny_weights), device="cpu", preset="fast", seconds=0.5, jobs=1,
    )  # fmt: skip


def test_files_of_a_run(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[tuple[object, ...]] = []
    numbers = run_study(request_, progress=lambda *step: steps.append(step))
    assert [step[:3] for step in steps] == [("pairs", done, 2) for done in range(3)]
    assert json.loads((request_.out / "transfer/transfer.json").read_text()) == numbers
    assert [(score["content"], score["motion"]) for score in numbers["scores"]] == [("amy", "bob"), ("bob", "amy")]
    assert numbers["scores"][0]["values"] == {"csim": 6.0}
    assert numbers["sheet"] == [["amy", "bob"], ["bob", "amy"]]
    assert b"amy: some/where" in (request_.out / "transfer/sheet.png").read_bytes()
    page = (request_.out / "transfer.md").read_text()
    assert "- 2 pairs of a fixed list, 2 people" in page and "- amy: some/where, a licence" in page
    monkeypatch.setattr(study, "transfer_frames", None)  # nothing is decoded again
    assert run_study(request_, progress=lambda *step: None) == numbers


def test_failures_are_named(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ConfigError("no face")

    monkeypatch.setattr(study, "transfer_frames", fails)
    numbers = run_study(request_, progress=lambda *step: None)
    assert numbers["failures"][0] == {"item": "content amy, motion bob", "reason": "no face"}
    assert "- content bob, motion amy: no face" in (request_.out / "transfer.md").read_text()


def test_without_a_list_each_person_gets_the_motion_of_the_next(request_: Request, talking_clip: Path) -> None:
    for name in ("cy", "dee", "eve"):
        shutil.copy(talking_clip, request_.clips / f"{name}.mp4")
    (request_.clips / "clips.csv").unlink()
    pairs = [(content.name, motion.name) for content, motion in make_pairs(read_clips(request_.clips))]
    assert pairs == [("amy", "bob"), ("bob", "cy"), ("cy", "dee"), ("dee", "eve"), ("eve", "amy")]
    quick = replace(request_, pairs=None, quick=True, seconds=0.4)
    numbers = run_study(quick, progress=lambda *step: None)
    assert [(score["content"], score["motion"]) for score in numbers["scores"]] == [pairs[i] for i in (0, 2, 4)]
    assert numbers["sheet"] == []  # nobody knows the licence
    page = (request_.out / "transfer.md").read_text()
    assert "**Quick version**: the first 0.4 s of 5 of 5 clips. 3 of 5 pairs." in page
    assert "- 3 pairs of one clip a person" in page


def test_one_person_has_nobody_to_transfer_to(request_: Request) -> None:
    (request_.clips / "clips.csv").write_text("clip,person\namy.mp4,amy\nbob.mp4,amy\n")
    with pytest.raises(ConfigError, match="clips are of 1 person, a transfer needs two people"):
        run_study(replace(request_, pairs=None), progress=lambda *step: None)
