"""`bcd data prepare` hands its options on; what is done is tested with preparation/."""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bcdcodec.preparation import commands
from bcdcodec.preparation.commands import Summary
from bcdcodec.preparation.source import Settings

Bcd = Callable[..., Any]
DONE = Summary(sources=3, broken=1, repeated=0, shots=5, shots_without_face=2, clips=7, seconds=20.5, people=2)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Stands in for the work; the folder `none` gets no clips."""
    found: list[Any] = []
    signature = inspect.signature(commands.prepare)

    def record(sources: list[Path], folder: Path, **names: Any) -> Summary:
        signature.bind(sources, folder, **names)
        names.pop("progress")(1, 3, None)
        found.append((sources, folder, names))
        return DONE if folder.name != "none" else Summary(**dict.fromkeys(Summary.__slots__, 0))

    monkeypatch.setattr(commands, "prepare", record)
    return found


def test_options_are_handed_on(bcd: Bcd, calls: list[Any]) -> None:
    done = bcd("data", "prepare", "a.mp4", "more", "clips")
    assert done.code == 0
    assert done.out == (
        "clips: 7 clips, 20.5 s, people: 2; sources: 3, 1 broken, 0 repeated; shots: 5, 2 without a face\n"
    )
    line = ("--clip-seconds", "2.5", "--person", "source", "--workers", "4", "--ray", "local")
    assert bcd("data", "prepare", "a.mp4", "clips", *line, "-q").out == ""
    plain, full = calls
    settings = Settings(clip_seconds=4, person="faces")
    assert plain == ([Path("a.mp4"), Path("more")], Path("clips"), {"settings": settings, "workers": 1, "ray": None})
    settings = Settings(clip_seconds=2.5, person="source")
    assert full == ([Path("a.mp4")], Path("clips"), {"settings": settings, "workers": 4, "ray": "local"})


def test_the_summary_as_json(bcd: Bcd, calls: list[Any]) -> None:
    found = json.loads(bcd("data", "prepare", "a.mp4", "clips", "--json").out)
    assert found == {
        **{"sources": 3, "broken": 1, "repeated": 0, "shots": 5, "shots_without_face": 2},
        **{"clips": 7, "seconds": 20.5, "people": 2},
    }


def test_nothing_at_all_is_exit_code_2(bcd: Bcd, calls: list[Any]) -> None:
    done = bcd("data", "prepare", "a.mp4", "none")
    assert done.code == 2
    assert "bcd: error: no clip was made" in done.err


@pytest.mark.parametrize(
    "line",
    [
        ("--clip-seconds", "0.5"),
        ("--clip-seconds", "long"),
        ("--person", "hair"),
        ("--workers", "0"),
        ("--workers", "2", "--ray", "auto"),
    ],
)
def test_bad_options_are_refused(bcd: Bcd, calls: list[Any], line: tuple[str, ...]) -> None:
    assert bcd("data", "prepare", "a.mp4", "clips", *line).code == 2
    assert calls == []


def test_sources_must_exist(bcd: Bcd, tmp_path: Path) -> None:
    done = bcd("data", "prepare", tmp_path / "missing.mp4", tmp_path / "clips", "--person", "source")
    assert done.code == 2
    assert "does not exist" in done.err and not (tmp_path / "clips").exists()
