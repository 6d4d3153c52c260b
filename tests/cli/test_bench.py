"""`bcd bench STUDY`: what each study is given, and what is refused before anything runs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bcdcodec.studies.rate_distortion import study
from bcdcodec.studies.rate_distortion.study import Request
from bcdcodec.studies.transfer import study as transfer

Bcd = Callable[..., Any]


def test_options_reach_the_rate_distortion_study(bcd: Bcd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []
    failures: list[Any] = []

    def record(request: Request, *, progress: Any) -> dict[str, object]:
        found.append(request)
        progress("points", 1, 2)
        return {"failures": failures}

    monkeypatch.setattr(study, "run_study", record)
    folders = ("--out", tmp_path / "o", "--work", tmp_path / "w")
    line = ("bench", "rate-distortion", tmp_path / "p.toml", tmp_path, *folders, "--jobs", "3")
    done = bcd(*line, "--preset", "fast", "--weights", "tiny", "--device", "cpu", "--json")
    assert (done.code, json.loads(done.out)) == (0, {"failures": []})
    assert found == [
        Request(
            plan=tmp_path / "p.toml", clips=tmp_path, out=tmp_path / "o", work=tmp_path / "w", weights="tiny",
            device="cpu", preset="fast", jobs=3,
        )
    ]  # fmt: skip
    assert bcd(*line).out == f"{tmp_path / 'o' / 'results.md'}\n"
    failures.append({"item": "a point", "reason": "no"})
    done = bcd(*line)
    assert (done.code, done.out) == (2, f"{tmp_path / 'o' / 'results.md'}\n")
    assert done.err.splitlines()[-1] == f"bcd: 1 measurements failed, see {tmp_path / 'o' / 'results.md'}"


def test_what_is_not_there_is_named_in_one_line(bcd: Bcd, tmp_path: Path) -> None:
    done = bcd("bench", "rate-distortion", tmp_path / "p.toml", tmp_path / "nowhere")
    assert (done.code, done.out) == (2, "")
    assert "no folder of clips" in done.err
    done = bcd("bench", "rate-distortion", tmp_path / "p.toml", tmp_path)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "p.toml" in done.err
    assert bcd("bench", "rate-distortion", tmp_path / "p.toml", tmp_path, "--jobs", "0").code == 2


def test_options_reach_the_transfer_study(bcd: Bcd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []
    monkeypatch.setattr(transfer, "run_study", lambda request, *, progress: found.append(request) or {"failures": []})
    line = ("bench", "transfer", tmp_path / "p.csv", tmp_path, "--out", tmp_path / "o", "--seconds", "4")
    done = bcd(*line, "--work", tmp_path / "w", "--preset", "paper", "--device", "cpu")
    assert (done.code, done.out) == (0, f"{tmp_path / 'o' / 'transfer.md'}\n")
    assert found == [
        transfer.Request(
            clips=tmp_path, pairs=tmp_path / "p.csv", out=tmp_path / "o", work=tmp_path / "w", weights="face",
            device="cpu", preset="paper", seconds=4.0, jobs=1,
        )
    ]  # fmt: skip
    # Without pairs they are made; the page of a quick run replaces no other.
    done = bcd("bench", "transfer", tmp_path, "--quick", "--out", tmp_path / "o")
    assert (done.code, done.out) == (0, f"{tmp_path / 'o/quick/transfer.md'}\n")
    assert (found[1].pairs, found[1].clips, found[1].quick) == (None, tmp_path, True)
    # Files and options stand in any order.
    assert bcd("bench", "transfer", tmp_path / "p.csv", "--out", tmp_path / "o", tmp_path).code == 0
    assert (found[2].pairs, found[2].clips) == (tmp_path / "p.csv", tmp_path)
    done = bcd("bench", "transfer", "a", "b", tmp_path)
    assert done.code == 2 and "3 files and folders are named" in done.err
    assert bcd("bench", "transfer").code == 2


def test_a_study_has_to_be_named(bcd: Bcd) -> None:
    assert bcd("bench").code == 2
    assert bcd("bench", "beauty").code == 2
