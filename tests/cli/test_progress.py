"""Progress: plain lines off a terminal, bars on one, and a time left that a resumed run does not distort."""

import argparse
import io
import sys
from typing import Any

import pytest

from bcdcodec.cli import progress
from bcdcodec.cli.progress import duration, progress_bar, progress_bars


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands; its one value is the time."""
    seconds = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: seconds[0])
    return seconds


def options(**given: Any) -> argparse.Namespace:
    return argparse.Namespace(**{"quiet": False} | given)


def test_one_line_a_minute(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(options(), "updates", total=1000) as update:
        for done in range(1, 1001):
            clock[0] += 1.0
            update(done)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 16
    assert lines[0] == "updates: 60/1000, 16 min left" and lines[-1] == "updates: 960/1000, 40 s left"


def test_nothing_of_what_ends_within_a_minute(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(options(), "frames") as update:
        clock[0] += 59
        update(900)
    assert capsys.readouterr().err == ""


def test_the_interval_is_a_constant(
    clock: list[float], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    with progress_bars(options()) as update:
        update("clips", 3, 9)
        clock[0] += 10
        update("clips", 4, 9)
        update("pairs", 1, 2, 7200)
    assert capsys.readouterr().err.splitlines() == [
        "clips: 3/9",  # what was there before says nothing of the pace
        "clips: 4/9, 50 s left",
        "pairs: 1/2, 2 h 00 min left",
    ]


def test_a_measured_time_left_counts_more_than_steps(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(options(), "clips", total=4) as update:
        update(0)
        clock[0] += 60
        update(3, 4, 1800.0)
    assert capsys.readouterr().err == "clips: 3/4, 30 min left\n"


@pytest.mark.parametrize("given", [{"quiet": True}, {"progress": False}, {"quiet": True, "progress": True}])
def test_quiet_is_quiet(clock: list[float], capsys: pytest.CaptureFixture[str], given: dict[str, bool]) -> None:
    with progress_bar(options(**given), "clips") as update:
        clock[0] += 600
        update(1, 2)
    assert capsys.readouterr().err == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard error from here on."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    return screen


def test_a_terminal_gets_a_bar_with_the_measured_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    with progress_bar(options(), "clips") as update:
        update(0, 4)
        update(3, 4, 125.0)
    last = screen.getvalue().split("\r")[-1]
    assert "clips:  75%" in last and "3/4" in last and "<02:05]" in last


def test_a_resumed_run_does_not_seem_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    tqdm = pytest.importorskip("tqdm")
    terminal(monkeypatch)
    made: list[Any] = []
    whole = tqdm.tqdm
    monkeypatch.setattr(tqdm, "tqdm", lambda **named: made.append(whole(**named)) or made[-1])
    with progress_bar(options(), "updates") as update:
        update(900, 1000)
        (bar,) = made
        assert (bar.n, bar.initial, bar.total) == (900, 900, 1000)
        bar.start_t -= 10  # ten seconds for what comes now
        update(901, 1000)
        facts = bar.format_dict
    assert (facts["n"] - facts["initial"]) / facts["elapsed"] == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59, "59 s"), (61, "1 min"), (3599, "1 h 00 min"), (3900, "1 h 05 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
