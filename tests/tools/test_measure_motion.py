"""The script: finished parts are kept, damage of its inputs is told."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("transformers", reason="motion generation needs transformers")


@pytest.fixture(scope="module")
def script(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("tools/measure_motion.py")


def test_finished_parts_are_kept_until_what_they_depend_on_changes(script: ModuleType, tmp_path: Path) -> None:
    source = tmp_path / "weights"
    source.write_bytes(b"one")
    calls: list[int] = []

    def measure() -> dict[str, int]:
        calls.append(1)
        return {"calls": len(calls)}

    for expected in (1, 1):
        assert script.Parts(tmp_path, source).get("part", measure) == {"calls": expected}
    assert script.Parts(tmp_path, source).get("other", measure) == {"calls": 2}
    source.write_bytes(b"two")
    assert script.Parts(tmp_path, source).get("part", measure) == {"calls": 3}


def test_a_folder_without_clips_is_refused(
    script: ModuleType, tmp_path: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = [str(tmp_path), "--learned", str(tmp_path / "none"), "--weights", str(tiny_weights)]
    assert script.main([*line, "--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")]) == 2
    assert "measure_motion: " in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_help(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        script.main(["--help"])
    assert stopped.value.code == 0 and "--learned" in capsys.readouterr().out
