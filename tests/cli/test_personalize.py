"""`bcd personalize` makes clips of the videos and hands them on; what is learned is tested with training/."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bcdcodec.preparation import commands
from bcdcodec.training import personal

Bcd = Callable[..., Any]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tiny_weights: Path) -> list[dict[str, Any]]:
    """Stands in for both steps, and collects what they are given."""
    found: list[dict[str, Any]] = []

    def prepare(sources: list[Path], folder: Path, **named: Any) -> SimpleNamespace:
        folder.mkdir(parents=True)
        found.append({"sources": sources, "folder": folder, "person": named["settings"].person})
        return SimpleNamespace(sources=len(sources), clips=len(sources) - 1, seconds=7.5, broken=1)

    def personalize(weights: Any, data: Path, out: Path, **named: Any) -> None:
        found.append({"weights": weights.path, "data": data, **named})
        out.write_bytes(tiny_weights.read_bytes())

    monkeypatch.setattr(commands, "prepare", prepare)
    monkeypatch.setattr(personal, "personalize", personalize)
    return found


def test_videos_become_clips_and_clips_weights(
    bcd: Bcd, calls: list[dict[str, Any]], tmp_path: Path, tiny_weights: Path
) -> None:
    out, run = tmp_path / "own.safetensors", tmp_path / "run"
    done = bcd("personalize", "a.mp4", "b.mp4", out, "--weights", tiny_weights, "--updates", "9", "--run", run)
    assert done.code == 0
    assert done.out.startswith(f"{out}: {out.stat().st_size} bytes, model ") and "7.5 s in 1 clips" in done.out
    assert calls[0] == {"sources": [Path("a.mp4"), Path("b.mp4")], "folder": run / "clips", "person": "source"}
    del calls[1]["progress"]
    named = {"run": run, "updates": 9, "seed": 0, "device": "auto"}
    assert calls[1] == {"weights": tiny_weights, "data": run / "clips", **named}


def test_without_a_run_nothing_is_kept(
    bcd: Bcd, calls: list[dict[str, Any]], tmp_path: Path, tiny_weights: Path
) -> None:
    assert bcd("personalize", "a.mp4", "b.mp4", tmp_path / "own.safetensors", "--weights", tiny_weights).code == 0
    assert not calls[0]["folder"].exists() and not calls[1]["run"].exists()
    assert [path.name for path in tmp_path.iterdir()] == ["own.safetensors"]


def test_videos_without_a_face_are_refused(
    bcd: Bcd, calls: list[dict[str, Any]], tmp_path: Path, tiny_weights: Path
) -> None:
    done = bcd("personalize", "a.mp4", tmp_path / "own.safetensors", "--weights", tiny_weights)
    assert done.code == 2 and "no face for long enough to learn from: videos 1, of which 1 cannot" in done.err
    assert not (tmp_path / "own.safetensors").exists()


def test_what_cannot_work_is_refused_before_anything_is_read(
    bcd: Bcd, calls: list[dict[str, Any]], tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = bcd("personalize", "a.mp4", tiny_weights)
    assert done.code == 2 and "exists; -f replaces it" in done.err
    own = tiny_weights.with_name("own.safetensors")
    done = bcd("personalize", "a.mp4", tiny_weights, "--weights", tiny_weights, "-f")
    assert done.code == 2 and "input and output at once" in done.err
    done = bcd("personalize", "a.mp4", "b.mp4", "-f")
    assert done.code == 2 and "b.mp4 is where weights go, needs a name that ends in .safetensors" in done.err
    done = bcd("personalize", "a.mp4", own, "--weights", tiny_weights, "--device", "abacus")
    assert done.code == 2 and "abacus" in done.err
    monkeypatch.setenv("WORLD_SIZE", "2")
    done = bcd("personalize", "a.mp4", own, "--weights", tiny_weights)
    assert done.code == 2 and "by one process" in done.err
    assert calls == [] and not own.exists()
