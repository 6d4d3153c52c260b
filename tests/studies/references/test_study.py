"""The study of references on the tiny model: every variant at every target, baselines held, resuming."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bcdcodec.studies.references import measure, tables

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
