"""`bcd bench` as a command: what it hands on, and what it refuses before anything runs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bcdcodec.evaluation.bench import command
from bcdcodec.evaluation.bench.about import Request

Bcd = Callable[..., Any]


def test_options_reach_the_benchmark(bcd: Bcd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []
    failures: list[Any] = []

    def record(request: Request, *, progress: Any) -> dict[str, object]:
        found.append(request)
        progress("cells", 1, 2)
        return {"failures": failures}

    monkeypatch.setattr(command, "bench", record)
    line = ("bench", tmp_path / "p.toml", tmp_path, "--out", tmp_path / "o", "--work", tmp_path / "w", "--jobs", "3")
    done = bcd(*line, "--preset", "realtime", "--weights", "tiny", "--device", "cpu", "--json")
    assert (done.code, json.loads(done.out)) == (0, {"failures": []})
    assert found == [
        Request(
            plan=tmp_path / "p.toml", clips=tmp_path, out=tmp_path / "o", work=tmp_path / "w", weights="tiny",
            device="cpu", preset="realtime", jobs=3,
        )
    ]  # fmt: skip
    assert bcd(*line).out == f"{tmp_path / 'o' / 'results.md'}\n"
    failures.append({"what": "a cell", "said": "no"})
    done = bcd(*line)
    assert (done.code, done.out) == (2, f"{tmp_path / 'o' / 'results.md'}\n")
    assert done.err.splitlines()[-1] == f"bcd: 1 measurements failed, see {tmp_path / 'o' / 'results.md'}"


def test_what_is_not_there_is_named_in_one_line(bcd: Bcd, tmp_path: Path) -> None:
    done = bcd("bench", tmp_path / "p.toml", tmp_path / "nowhere")
    assert (done.code, done.out) == (2, "")
    assert "no folder of clips" in done.err
    done = bcd("bench", tmp_path / "p.toml", tmp_path)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "p.toml" in done.err
    assert bcd("bench", tmp_path / "p.toml", tmp_path, "--jobs", "0").code == 2
