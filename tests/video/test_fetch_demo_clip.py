"""The demo clip tool: right bytes or one line and a non-zero exit."""

import dataclasses
import hashlib
import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "fetch_demo_clip.py"


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("fetch_demo_clip", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "fetch_demo_clip", module)
    spec.loader.exec_module(module)
    return module


def fake_pip(monkeypatch: pytest.MonkeyPatch, tool: ModuleType, members: dict[str, bytes] | None) -> None:
    """pip that finds a wheel with these members, or nothing."""

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        if members is None:
            return subprocess.CompletedProcess(command, 1, "", "WARNING: slow\nERROR: No matching distribution\n")
        folder = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "some-1.0-py3-none-any.whl", "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(tool.subprocess, "run", run)


def test_right_clip_is_put_in_place(tool: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    data = b"a film"
    clip = dataclasses.replace(tool.CLIPS["speech"], sha256=hashlib.sha256(data).hexdigest())
    monkeypatch.setitem(tool.CLIPS, "speech", clip)
    fake_pip(monkeypatch, tool, {clip.member: data})
    assert tool.main(["--out", str(tmp_path / "demo")]) == 0
    assert [item.name for item in (tmp_path / "demo").iterdir()] == ["speech.mp4"]
    fake_pip(monkeypatch, tool, None)  # a second run needs no download
    assert tool.main(["--out", str(tmp_path / "demo")]) == 0


@pytest.mark.parametrize("members", [None, {"other": b""}, {"pyfame/data/sample/01/sample_02.mp4": b"changed"}])
def test_failure_is_one_line(
    tool: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    members: dict[str, bytes] | None,
) -> None:
    fake_pip(monkeypatch, tool, members)
    assert tool.main(["--out", str(tmp_path / "demo")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "demo").exists()


def test_help_lists_the_clips() -> None:
    done = subprocess.run([sys.executable, str(TOOL), "--help"], capture_output=True, text=True, check=True)
    assert "speech" in done.stdout
    assert "carphone" in done.stdout
