"""benchmarks/: the memory script on the golden model, and that the timed ones still run."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "data" / "golden"


@pytest.fixture(scope="module")
def memory(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("benchmarks/memory.py")


def test_help(memory: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        memory.main(["--help"])
    assert stopped.value.code == 0
    assert "--minutes" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "long"])
def test_lengths_out_of_range_are_refused(memory: ModuleType, text: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        memory.main(["--minutes", text])
    assert stopped.value.code == 2


def test_the_drawn_head_loops_without_a_cut(memory: ModuleType) -> None:
    pictures = memory.head_pictures()
    steps = [np.abs(a.astype(int) - b).mean() for a, b in zip(pictures, pictures[1:] + pictures[:1], strict=True)]
    assert 0 < max(steps) < 3 * np.mean(steps)


def test_a_clip_is_played_there_and_back(memory: ModuleType, talking_clip: Path) -> None:
    pictures = memory.clip_pictures(talking_clip)
    assert len(pictures) == 2 * 25 - 2
    assert pictures[0].shape == (256, 256, 3)
    assert np.array_equal(pictures[1], pictures[-1])


def test_a_failing_command_is_an_error(memory: ModuleType) -> None:
    with pytest.raises(ChildProcessError, match="exit code 2"):
        memory.peak_of(["info", "there-is-no-such-file.bcd"])


def test_a_process_is_measured() -> None:
    """From a small process: what a large one starts has its peak at least."""
    code = f"import runpy; print(runpy.run_path({str(ROOT / 'benchmarks' / 'memory.py')!r})['peak_of'](['--version']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said, found = done.stdout.splitlines()
    peak_mib, wall_s = json.loads(found.replace("(", "[").replace(")", "]"))
    assert said.startswith("bcdcodec ") and 5 < peak_mib < 500 and wall_s > 0


@pytest.mark.slow
def test_both_commands_are_measured(
    memory: ModuleType, tmp_path: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results" / "memory.json"
    lengths = ["--short", "0.01", "--minutes", "0.02"]
    assert memory.main([*lengths, "--weights", str(tiny_weights), "--out", str(out)]) == 0
    found = json.loads(out.read_text())["measurements"]
    assert [(item["command"], item["frames"]) for item in found] == [
        ("encode", 8),
        ("decode", 8),
        ("encode", 15),
        ("decode", 15),
    ]
    assert all(50 < item["peak_mib"] < 4000 for item in found)
    assert "peak MiB" in capsys.readouterr().out


@pytest.mark.slow
def test_timed_benchmarks_run() -> None:
    """Once each and untimed; those of the networks are skipped where no weights ship."""
    command = [sys.executable, "-m", "pytest", "--quiet", "benchmarks"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
