"""benchmarks/call.py and what is beside it: clips, tables, and that the page has a place for each."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from bcdcodec.codec.model import CodecModel
from bcdcodec.evaluation.report.tables import replace_tables
from bcdcodec.video.reader import VideoReader

ROOT = Path(__file__).parents[2]
ROW = {
    "impair": "loss=10%",
    "wire_bitrate": 8000,
    "packet_frames": None,
    "sound": True,
    "repeats": False,
    "conceal": "hold",
    "wire_kbps": 7.5,
    "report_kbps": 0.6,
    "frames": {"decoded": 9, "concealed": 1, "frozen": 0},
    "sound_ms": {"heard": 1000, "concealed": 100},
    "latency_ms": {"median": 260.0, "p95": 260.0},
    "lip_sync_ms": None,
    "recovery_ms": None,
    "lpips": 0.2,
    "expression": 3.0,
    "mouth": None,
    "minute": 1,
    "rss_mib": 500.0,
    "delay_ms": 20,
}


@pytest.fixture(scope="module")
def load(load_script: Callable[[str], ModuleType]) -> Callable[[str], ModuleType]:
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(str(ROOT / "benchmarks"))
    return load_script


def test_every_table_has_its_place_on_the_page(load: Callable[[str], ModuleType]) -> None:
    tables = load("benchmarks/call_tables.py").tables({"wire": [ROW], "loss": [ROW], "outage": [ROW], "soak": [ROW]})
    assert list(tables) == ["wire", "loss", "outage", "soak"]
    assert all(len(lines) == 3 for lines in tables.values())
    assert "9, 1, 0" in tables["wire"][2]
    replace_tables((ROOT / "docs/calls.md").read_text(encoding="utf-8"), tables)


def test_a_looped_clip_is_as_long_as_asked_and_speaks(
    load: Callable[[str], ModuleType], talking_clip: Path, tmp_path: Path
) -> None:
    clips = load("benchmarks/call_clip.py")
    path = clips.looped_clip(talking_clip, tmp_path / "long.mp4", 5)
    with VideoReader(path, Fraction(25)) as reader:
        assert reader.has_audio
        assert len(list(reader)) == 125
    samples = clips.voice(10)
    loud = np.abs(samples).reshape(-1, 960).max(1) > 0.02
    assert 0.5 < loud.mean() < 0.95


def test_a_call_is_measured_and_an_outage_too(
    load: Callable[[str], ModuleType], tiny_weights: Path, talking_clip: Path, tmp_path: Path
) -> None:
    load("benchmarks/call_tables.py")
    call, model = load("benchmarks/call.py"), CodecModel.load(tiny_weights, device="cpu")
    path = load("benchmarks/call_clip.py").looped_clip(talking_clip, tmp_path / "long.mp4", 12)
    measured = call.Call(model, path, wire_bitrate=16_000, outage=True)
    assert measured.first_after_ms is not None
    assert 0 <= measured.first_after_ms < 1000
    assert measured.row()["frames"]["frozen"] > 0
    assert call.longest(measured.frames) <= 2 * 12.5


def test_parts_of_the_time_add_up(load: Callable[[str], ModuleType]) -> None:
    load("benchmarks/call_tables.py")
    pace = load("benchmarks/call_pace.py")
    names = ("captured", "begun", "encoded", "sent", "arrived", "decoded", "shown")
    times = {name: {tick: tick * 0.08 + 0.01 * place for tick in range(40)} for place, name in enumerate(names)}
    parts = pace.parts_of(times)
    assert [round(part["median"]) for part in parts.values()] == [10] * 6 + [60]
