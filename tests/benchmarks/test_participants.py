"""benchmarks/participants.py: both ways decode the same frames, and a clip that is not there is an error."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from bcdcodec import CodecModel


@pytest.fixture(scope="module")
def participants(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("benchmarks/participants.py")


def test_both_ways_are_measured(
    participants: ModuleType,
    tiny_weights: Path,
    talking_clip: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = CodecModel.load(tiny_weights, device="cpu")
    monkeypatch.setattr(CodecModel, "load", lambda: model)
    assert participants.main([str(talking_clip), "--participants", "2", "--frames", "5", "--repeats", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["standard", "2"], ["warp", "2"]]
    assert all("ratio" in line for line in lines)


def test_a_missing_clip_is_an_error(
    participants: ModuleType, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = CodecModel.load(tiny_weights, device="cpu")
    monkeypatch.setattr(CodecModel, "load", lambda: model)
    assert participants.main([str(tmp_path / "missing.mp4")]) == 1
