"""tools/measure_rate.py on the tiny model: it says of files what is on disk, and goes on where it stopped."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def tool(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("tools/measure_rate.py")


def test_files_are_held_against_their_targets(
    tool: ModuleType, talking_clip: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    with (folder / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [("clip", "person", "source", "license", "license_class"), ("a1.mp4", "amy", "x", "y", "permissive")]
        csv.writer(file).writerows(rows)
    shutil.copy(talking_clip, folder / "a1.mp4")
    monkeypatch.setattr(tool, "TARGETS", (600, 8000))
    arguments = [str(folder), "--work", str(tmp_path / "work"), "--out", str(tmp_path), "--weights", str(tiny_weights)]
    assert tool.main(arguments) == 0
    found = json.loads((tmp_path / "rate.json").read_text())["clips"]
    assert [row["target"] for row in found] == [600, 8000]
    for row in found:
        (stream,) = (tmp_path / "work").glob(f"*-{row['target']}.bcd")
        assert row["bits"] == 8 * stream.stat().st_size and row["fill"] <= 1.0
    said = (tmp_path / "rate.md").read_text()
    assert "| 8000 | 1 | 0 |" in said
    monkeypatch.setattr(tool, "encode_file", None)  # nothing is encoded again
    assert tool.main(arguments) == 0
    assert (tmp_path / "rate.md").read_text() == said
