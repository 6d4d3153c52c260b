"""`bcd bench` on two drawn clips with the tiny model: files, resuming, and numbers against a plain recount."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.bench import runner
from bcdcodec.evaluation.bench.command import Request, bench
from bcdcodec.evaluation.clips import read_clips
from bcdcodec.video.clip import read_clip

PLAN = """
seconds = 1.0
clips = ["a1", "b1"]
metrics = ["psnr", "flicker"]
[every_nth]
psnr = 2
[[codec]]
name = "bcdcodec"
frame_rates = ["12.5"]
points = [4000, 6000, 8000, 10000, 12000]
[[codec]]
name = "x264"
frame_rates = ["12.5"]
sides = [64]
points = [51, 45, 40, 35, 20]
"""
Steps = list[tuple[str, int, int]]


@pytest.fixture
def request_(tmp_path: Path, tiny_weights: Path, clips_folder: Path) -> Request:
    pytest.importorskip("bjontegaard")
    (tmp_path / "plan.toml").write_text(PLAN)
    return Request(
        plan=tmp_path / "plan.toml", clips=clips_folder, out=tmp_path / "out", work=tmp_path / "work",
        weights=str(tiny_weights), device="cpu", preset="realtime", jobs=1,
    )  # fmt: skip


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells run here, one after the other: a worker takes seconds to start."""

    def run(setting, work, missing, found, jobs, total, progress):  # type: ignore[no-untyped-def]
        progress(len(found), total)
        runner._HELD[:] = [runner.open_bench(setting)]
        for item in missing:
            found[item] = work(item)
            progress(len(found), total)

    monkeypatch.setattr(runner, "_in_parallel", run)


def record(steps: Steps) -> Callable[[str, int, int], None]:
    return lambda what, done, total: steps.append((what, done, total))


@pytest.mark.usefixtures("in_this_process")
def test_everything_is_written_and_found_again(request_: Request) -> None:
    first: Steps = []
    numbers = bench(request_, progress=record(first))
    assert first == [("cells", done, 20) for done in range(21)]
    page = (request_.out / "results.md").read_text()
    assert json.loads((request_.out / "results/results.json").read_text()) == json.loads(json.dumps(numbers))
    for name in ("psnr.png", "flicker.png", "sheet.png"):
        assert f"results/{name}" in page
        assert (request_.out / "results" / name).read_bytes().startswith(b"\x89PNG")
    # Only clips that may be shown are in a sheet; the other one is in the numbers.
    assert "- a1: else/where" in page
    assert "- b1: some/where" not in page
    cells = numbers["cells"]
    assert isinstance(cells, list)
    assert {cell["clip"] for cell in cells} == {"a1", "b1"}
    own, rival = (
        [cell for cell in cells if cell["series"].startswith(name) and cell["clip"] == "a1"]
        for name in ("bcdcodec", "x264")
    )
    assert all(cell["frames"] == 12 and cell["seconds"] == 0.96 for cell in own + rival)
    assert all(cell["file_bytes"] == cell["payload_bytes"] for cell in own)
    assert [cell["payload_bytes"] for cell in rival] == sorted(cell["payload_bytes"] for cell in rival)
    assert [cell["metrics"]["psnr"] for cell in rival] == sorted(cell["metrics"]["psnr"] for cell in rival)
    assert all(cell["payload_bytes"] < cell["file_bytes"] for cell in rival)
    again: Steps = []
    assert bench(request_, progress=record(again)) == numbers
    assert again == [("cells", 20, 20)]
    # A metric more is another measurement.
    request_.plan.write_text(PLAN.replace('"flicker"]', '"flicker", "ssim"]'))
    other: Steps = []
    bench(request_, progress=record(other))
    assert other[0] == ("cells", 0, 20)


def test_workers_measure_what_one_process_does(
    request_: Request, monkeypatch: pytest.MonkeyPatch, in_this_process: None
) -> None:
    """One cell through a real worker process."""
    here = bench(request_, progress=lambda *step: None)
    monkeypatch.undo()
    cells = request_.work / "cells"
    chosen = next(path for path in cells.glob("*.json") if json.loads(path.read_text())["series"].startswith("bcd"))
    expected = json.loads(chosen.read_text())
    chosen.unlink()
    steps: Steps = []
    bench(request_, progress=record(steps))
    assert steps == [("cells", 19, 20), ("cells", 20, 20)]
    found = json.loads(chosen.read_text())
    for name in ("clip", "point", "payload_bytes", "frames"):
        assert found[name] == expected[name]
    assert found["metrics"]["psnr"] == pytest.approx(expected["metrics"]["psnr"], abs=0.05)
    assert here["own"] == "bcdcodec 12.5"


def test_unknown_clips_and_folders_are_refused(request_: Request, tmp_path: Path) -> None:
    request_.plan.write_text(PLAN.replace('"a1", ', '"a9", '))
    with pytest.raises(ConfigError, match="a9"):
        bench(request_, progress=lambda *step: None)
    with pytest.raises(ConfigError, match=r"clips\.csv"):
        bench(replace(request_, clips=tmp_path), progress=lambda *step: None)


def test_clips_become_lossless_squares(request_: Request) -> None:
    clip = read_clips(request_.clips)[0]
    folder = request_.work
    folder.mkdir()
    path = runner._prepare(clip, runner.Fraction(25, 2), 1.0, folder)
    frames = runner.read_all(path, runner.Fraction(25, 2))
    assert frames.shape == (12, 256, 256, 3)
    direct = np.stack(list(read_clip(clip.path, rate=runner.Fraction(25, 2), pixels=256)))[:12]
    assert np.array_equal(frames, direct)
