"""The transfer study on two drawn clips: files, resuming, and what may be shown."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from bcdcodec.errors import ConfigError
from bcdcodec.studies.transfer import study
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
    monkeypatch.setattr(study, "score_pair", lambda content, motion, result: {"transfer": {"csim": float(len(result))}})
    monkeypatch.setattr(study, "page_tables", lambda scores, person_of: {"means": [str(len(scores))]})
    return Request(
        clips=folder, pairs=tmp_path / "pairs.csv", out=tmp_path / "docs", work=tmp_path / "work",
        weights=str(tiny_weights), device="cpu", preset="realtime", seconds=0.5, jobs=1,
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
