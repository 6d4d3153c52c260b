"""The study of references on the tiny model: every variant at every target, baselines held, resuming."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bcdcodec.evaluation.harness.clips import Clip, read_clips
from bcdcodec.studies.references import measure, motion, study, tables

Bcd = Callable[..., Any]


@pytest.fixture
def run(
    bcd: Bcd, clips_folder: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    for module in (measure, tables):
        monkeypatch.setattr(module, "TARGETS", (16000,))
    metrics = {"psnr": 1, "flicker": 1}
    monkeypatch.setattr(measure, "METRICS", metrics)
    monkeypatch.setattr(tables, "METRICS", metrics)
    monkeypatch.setattr(measure, "HELD_METRICS", ("psnr",))
    monkeypatch.setattr(tables, "HELD_METRICS", ("psnr",))
    line = ("bench", "references", clips_folder, "--weights", tiny_weights, "--out", tmp_path, "--seconds", 1)
    return lambda *more: bcd(*line, "--work", tmp_path / "work", *more)


def test_every_variant_has_its_row(run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("--lively", "a1", "--calm", "b2").code == 0
    numbers = json.loads((tmp_path / "references/references.json").read_text())
    assert [len(numbers[name]) for name in ("lively", "calm")] == [2, 2]
    rich = [record for record in numbers["lively"] if record["target"] == 16000]
    assert {record["variant"] for record in rich} == {*measure.VARIANTS} and len(rich) == 2
    for record in rich:
        parts = record["kbps"]
        assert 0 < parts["pictures"] + parts["motion"] < parts["all"]
        # Random weights: motion gives other pictures than none, better or worse.
        assert record["decoded"]["psnr"] != record["held"]["psnr"] > 5
    page = (tmp_path / "references.md").read_text()
    assert page.count("| 16000 | one picture a shot | 1.0 |") == 2
    monkeypatch.setattr(measure, "encode_file", None)  # nothing is encoded again
    assert run("--lively", "a1", "--calm", "b2").code == 0
    assert (tmp_path / "references.md").read_text() == page


def test_an_unknown_clip_is_refused(run: Callable[..., Any]) -> None:
    failed = run("--lively", "zz", "--calm", "b2")
    assert failed.code == 2 and "no clips named zz" in failed.err


def test_refused_codings_are_named() -> None:
    refused = {"clip": "a1", "target": 1000, "variant": "one picture a shot", "refused": "at least 1200 bit/s"}
    lines = tables.group_table([refused])
    assert lines[-1] == "- `a1` at 1000, one picture a shot: at least 1200 bit/s."
    assert not [line for line in lines if line.startswith("| 1000")]


def test_clips_are_chosen_by_their_motion(
    run: Callable[..., Any], clips_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moves = {"a1": 3.0, "b1": 1.0, "b2": 9.0}
    monkeypatch.setattr(study, "measure_motion", lambda _, item: {"motion": moves[item.clip.name]})
    assert run().code == 0
    numbers = json.loads((tmp_path / "references/references.json").read_text())
    chosen = {name: {record["clip"] for record in numbers[name]} for name in ("lively", "calm")}
    assert chosen == {"lively": {"b2"}, "calm": {"a1"}}  # b1 is of the person of b2
    page = (tmp_path / "references.md").read_text()
    assert "Chosen by the motion of the face, in % of its size: `b2` (9.0 %)." in page and "`a1` (3.0 %)" in page
    assert run("--lively", "b1").code == 0
    numbers = json.loads((tmp_path / "references/references.json").read_text())
    assert {record["clip"] for record in numbers["lively"]} == {"b1"}
    assert {record["clip"] for record in numbers["calm"]} == {"a1"}


def test_a_folder_of_one_clip_has_one_group(
    run: Callable[..., Any], clips_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clips_folder / "clips.csv").write_text("clip,person\na1.mp4,amy\n")
    monkeypatch.setattr(motion, "landmarks", lambda frame: None)  # no face, no measure: any clip will do
    assert run("--quick").code == 0
    page = (tmp_path / "quick/references.md").read_text()
    assert "| 16000 | several |" in page and "- (no clip is left for this group)" in page
    assert "**Quick version**: the first 1 s of 1 of 1 clip. 1 bitrate of 1." in page


def test_motion_is_the_spread_of_landmarks(talking_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = Clip(path=talking_clip, person="p", seconds=2.0, source="s", license="l", license_class="unknown")
    item = motion.MotionItem(clip=clip, seconds=1.0, record=tmp_path / "r")
    square = np.array([[0.0, 0.0, 0.0], [100.0, 0.0, 0.0], [100.0, 80.0, 0.0], [0.0, 80.0, 0.0]])
    places = iter([0.0, 10.0, 0.0, 10.0])
    monkeypatch.setattr(motion, "landmarks", lambda frame: square + np.array([next(places), 0.0, 0.0]))
    assert motion.measure_motion(None, item) == {"motion": pytest.approx(5.0)}  # 5 pixels of 100
    lost = iter([square, None, None, None])
    monkeypatch.setattr(motion, "landmarks", lambda frame: next(lost))
    assert motion.measure_motion(None, item) == {"motion": None}


def test_short_clips_are_no_calm_ones(write_list: Callable[..., Path]) -> None:
    clips = read_clips(write_list("a.mp4,amy,2", "b.mp4,bob,12", "c.mp4,cy,15", head="clip,person,seconds"))
    assert [clip.name for clip in motion.candidates(clips, 10.0)] == ["b", "c"]
    assert [clip.name for clip in motion.candidates(clips, 14.0)] == ["a", "b", "c"]
    spread = {"a": 1.0, "b": 2.0, "c": 3.0}
    assert motion.choose_groups(clips, spread) == (("c",), ("a",))
    assert motion.choose_groups(clips[:1], spread) == (("a",), ())
