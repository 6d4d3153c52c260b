"""benchmarks/speed.py: what it writes, and that README says what it wrote."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def speed(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("benchmarks/speed.py")


def test_every_command_is_measured_and_kept(
    speed: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream_file: Path
) -> None:
    taken = iter([8.0, 6.0, 4.0] * 2)

    def run(arguments: list[str], threads: int) -> float:
        if arguments[0] == "encode":
            Path(arguments[2]).write_bytes(stream_file.read_bytes())
        return next(taken)

    monkeypatch.setattr(speed, "seconds_of", run)
    monkeypatch.setattr(speed, "cores", lambda: [0, 1])
    out = tmp_path / "new" / "speed.json"
    assert speed.main(["talk.mp4", "--out", str(out)]) == 0
    found = json.loads(out.read_text())["measurements"]
    assert [(item["command"], item["threads"], item["seconds"]) for item in found[:3]] == [
        ("encode", 1, 4.0),
        ("decode", 1, 3.0),
        ("decode to the warp", 1, 2.0),
    ]
    assert [item["threads"] for item in found] == [1] * 3 + [2] * 3


def test_a_command_that_fails_is_an_error(speed: ModuleType, tmp_path: Path) -> None:
    assert speed.main([str(tmp_path / "missing.mp4"), "--out", str(tmp_path / "a.json")]) == 2
    assert not (tmp_path / "a.json").exists()


def test_readme_says_what_was_measured(speed: ModuleType) -> None:
    results = json.loads(speed.RESULTS.read_text())
    readme = " ".join((ROOT / "README.md").read_text().split())
    for item in results["measurements"]:
        if item["threads"] == 1:
            assert f"{item['seconds']:.1f}" in readme.split("On one core of an")[1].split(". ")[0]
    assert results["machine"] in readme
