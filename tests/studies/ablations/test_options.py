"""`bcd bench ablations` hands its options on."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib", reason="curves need matplotlib")
pytest.importorskip("accelerate", reason="training needs accelerate")

from bcdcodec.studies.ablations import study
from bcdcodec.studies.ablations.scores import Ablations

Bcd = Callable[..., Any]


def test_options_are_handed_on(bcd: Bcd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []
    record = functools.wraps(study.run_study)(lambda **named: found.append(named) or Ablations([], []))
    monkeypatch.setattr(study, "run_study", record)
    data, test, out, work = (tmp_path / name for name in ("data", "test", "out", "work"))
    data.mkdir()
    test.mkdir()
    line = ("bench", "ablations", data, test, "--out", out, "--work", work, "--updates", "9", "--pairs", "5")
    done = bcd(*line, "--precision", "bf16", "--seed", "3", "--seeds", "2")
    assert (done.code, done.out) == (0, f"{out / 'ablations.md'}\n")
    (named,) = found
    del named["progress"]
    assert named == {
        "name": "sprites-tiny", "data": data, "test": test, "out": out, "work": work, "updates": 9, "pairs": 5,
        "vae": None, "init": None, "inception": None, "seed": 3, "seeds": 2, "precision": "bf16", "device": "auto",
    }  # fmt: skip


def test_folders_that_are_not_there_are_refused(bcd: Bcd, tmp_path: Path) -> None:
    done = bcd("bench", "ablations", tmp_path, tmp_path / "nothing", "--out", tmp_path / "out")
    assert done.code == 2 and "nothing is no folder of clips" in done.err and not (tmp_path / "out").exists()
