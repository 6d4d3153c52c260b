"""The rate-control study on the tiny model: files against their targets, a row for every tool, resuming."""

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bcdcodec.studies.rate_control import bitrates, study, variants

Bcd = Callable[..., Any]


@pytest.fixture
def run(
    bcd: Bcd, talking_clip: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    folder = tmp_path / "clips"
    folder.mkdir()
    with (folder / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [("clip", "person", "source", "license", "license_class"), ("a1.mp4", "amy", "x", "y", "permissive")]
        csv.writer(file).writerows(rows)
    shutil.copy(talking_clip, folder / "a1.mp4")
    monkeypatch.setattr(bitrates, "TARGETS", (600, 8000))
    line = ("bench", "rate-control", folder, "--weights", tiny_weights, "--out", tmp_path, "--work", tmp_path / "work")
    return lambda *more: bcd(*line, *more)


def test_files_are_held_against_their_targets(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run().code == 0
    found = json.loads((tmp_path / "rate_control/bitrates.json").read_text())["clips"]
    assert [record["target"] for record in found] == [600, 8000]
    sizes = {8 * stream.stat().st_size for stream in (tmp_path / "work").glob("a1-*.bcd")}
    assert sizes == {record["bits"] for record in found}
    assert all(record["fill"] <= 1.0 for record in found)
    page = (tmp_path / "rate_control.md").read_text()
    assert "| 8000 | 1 | 0 |" in page
    monkeypatch.setattr(bitrates, "encode_file", None)  # nothing is encoded again
    assert run().code == 0
    assert (tmp_path / "rate_control.md").read_text() == page


def test_every_tool_has_its_row(
    run: Callable[..., Any], talking_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bitrates, "TARGETS", (8000,))
    monkeypatch.setattr(variants, "VARIANTS", tuple(replace(item, targets=(4000,)) for item in variants.VARIANTS))
    monkeypatch.setattr(variants, "METRIC_NAMES", ("psnr", "flicker"))
    monkeypatch.setattr(study.tables, "variant_table", lambda records: [json.dumps([r["variant"] for r in records])])
    assert run("--tool-clips", talking_clip).code == 0
    rows = json.loads((tmp_path / "rate_control/tools.json").read_text())["points"]
    assert [row["variant"] for row in rows] == [variant.name for variant in variants.VARIANTS]
    measured = [row for row in rows if "refused" not in row]
    assert len(measured) >= 4 and all(row["psnr"] > 5 and row["flicker"] >= 0 for row in measured)
    monkeypatch.setattr(variants, "encode_file", None)
    assert run("--tool-clips", talking_clip).code == 0


def test_the_quick_version_measures_starts_at_some_targets(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "QUICK_SECONDS", 0.5)
    assert run("--quick").code == 0
    found = json.loads((tmp_path / "quick/rate_control/bitrates.json").read_text())["clips"]
    assert [(record["clip"], record["target"]) for record in found] == [("a1", 600)]
    page = (tmp_path / "quick/rate_control.md").read_text()
    assert "**Quick version**: the first 0.5 s of 1 of 1 clip. 1 bitrate of 2." in page
    assert not (tmp_path / "rate_control.md").exists()


def test_short_clips_have_no_error_but_a_reason(run: Callable[..., Any], tmp_path: Path) -> None:
    assert run().code == 0
    page = (tmp_path / "rate_control.md").read_text()
    assert "| 0 | - (none of 10 s or longer) |" in page and "nan" not in page
