"""tools/measure_levers.py on the tiny model: a row for every lever and target, and nothing is measured twice."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def tool(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("tools/measure_levers.py")


def test_every_lever_has_its_row(
    tool: ModuleType, talking_clip: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "TARGETS", (4000,))
    monkeypatch.setattr(tool, "VARIANTS", tuple(replace(variant, targets=(4000,)) for variant in tool.VARIANTS))
    monkeypatch.setattr(tool, "NAMES", ("psnr", "flicker"))
    monkeypatch.setattr(tool, "page", lambda results, model: json.dumps([row["variant"] for row in results]))
    arguments = [str(talking_clip), "--work", str(tmp_path / "work"), "--out", str(tmp_path)]
    arguments += ["--weights", str(tiny_weights)]
    assert tool.main(arguments) == 0
    rows = json.loads((tmp_path / "levers.json").read_text())["cells"]
    assert [row["variant"] for row in rows] == [variant.name for variant in tool.VARIANTS]
    measured = [row for row in rows if "refused" not in row]
    assert len(measured) >= 4 and all(row["psnr"] > 5 and row["flicker"] >= 0 for row in measured)
    monkeypatch.setattr(tool, "encode_file", None)
    assert tool.main(arguments) == 0
