"""`bcd ablate` hands its options on; what it does is tested with ablation/."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib", reason="curves need matplotlib")
pytest.importorskip("accelerate", reason="training needs accelerate")

from bcdcodec.ablation import commands

Bcd = Callable[..., Any]


def test_options_are_handed_on(bcd: Bcd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []
    monkeypatch.setattr(commands, "ablate", lambda *given, **named: found.append((given, named)))
    data, test, out = (tmp_path / name for name in ("data", "test", "out"))
    data.mkdir()
    test.mkdir()
    done = bcd("ablate", data, test, out, "--steps", "9", "--pairs", "5", "--precision", "bf16", "--seed", "3")
    assert (done.code, done.out) == (0, f"{out / 'ablations.md'}\n")
    ((given, named),) = found
    del named["progress"]
    assert given == ("sprites-tiny", data, test, out)
    assert named == {"steps": 9, "pairs": 5, "vae": None, "seed": 3, "precision": "bf16", "device": "auto"}


def test_folders_that_are_not_there_are_refused(bcd: Bcd, tmp_path: Path) -> None:
    done = bcd("ablate", tmp_path, tmp_path / "nothing", tmp_path / "out")
    assert done.code == 2 and "nothing is no folder of clips" in done.err and not (tmp_path / "out").exists()
