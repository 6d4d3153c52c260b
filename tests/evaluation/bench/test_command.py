"""`bcd bench` on two drawn clips with the tiny model: files, resuming, and numbers against a plain recount."""

import json
import sys
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bcdcodec.config import SamplingConfig
from bcdcodec.errors import ConfigError, MissingExtraError, VideoError, WeightsError
from bcdcodec.evaluation.bench import runner
from bcdcodec.evaluation.bench.about import Request
from bcdcodec.evaluation.bench.cell import Cell
from bcdcodec.evaluation.bench.command import bench
from bcdcodec.evaluation.bench.plan import read_plan
from bcdcodec.evaluation.bench.store import Store
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

    class Pool:
        def __init__(self, jobs: int, context: object, initializer: Callable, initargs: tuple) -> None:
            runner._HELD[:] = [runner.open_bench(initargs[0])]

        def __enter__(self) -> "Pool":
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def submit(self, work: Callable, item: object) -> Future:
            done: Future = Future()
            try:
                done.set_result(work(item))
            except Exception as error:
                done.set_exception(error)
            return done

        def shutdown(self, **_: object) -> None:
            return None

    monkeypatch.setattr(runner, "ProcessPoolExecutor", Pool)


def record(steps: Steps) -> Callable[[str, int, int], None]:
    return lambda what, done, total: steps.append((what, done, total))


@pytest.mark.usefixtures("in_this_process")
def test_everything_is_written_and_found_again(request_: Request) -> None:
    first: Steps = []
    numbers = bench(request_, progress=record(first))
    assert first == [("cells", done, 22) for done in range(23)]
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
    (held,) = [cell for cell in cells if cell["series"].startswith("first frame") and cell["clip"] == "a1"]
    assert (held["payload_bytes"], held["file_bytes"]) == (0, 0)
    assert held["metrics"]["flicker"] > 0
    assert "too few people to tell" in page
    again: Steps = []
    repeated = bench(request_, progress=record(again))
    assert {**repeated, "about": []} == {**numbers, "about": []}
    assert "22 of them measured in this run" in page
    assert "0 of them measured in this run" in str(repeated["about"])
    assert again == [("cells", 22, 22)]
    # A metric more is another measurement.
    request_.plan.write_text(PLAN.replace('"flicker"]', '"flicker", "ssim"]'))
    other: Steps = []
    bench(request_, progress=record(other))
    assert other[0] == ("cells", 0, 22)


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
    # The clips are equal, so both names of the cell are missing.
    assert steps == [("cells", 20, 22), ("cells", 21, 22), ("cells", 22, 22)]
    found = json.loads(chosen.read_text())
    for name in ("point", "payload_bytes", "frames"):
        assert found[name] == expected[name]
    assert found["metrics"]["psnr"] == pytest.approx(expected["metrics"]["psnr"], abs=0.05)
    assert [item["own"] for item in here["comparisons"]] == ["bcdcodec 12.5"]


@pytest.mark.usefixtures("in_this_process")
def test_what_fails_is_named_and_left_out(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    """One point of a rival and one of bcdcodec fail; the rest is measured, kept and compared."""
    measure = runner.run_cell

    def fails(cell: Cell, *args: object, **kwargs: object) -> object:
        if (cell.series.codec, cell.point) in (("x264", 40), ("bcdcodec", 6000)):
            raise VideoError("the disk\nis full")
        return measure(cell, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(runner, "run_cell", fails)
    numbers = bench(request_, progress=lambda *step: None)
    said = [(item["what"], item["said"]) for item in numbers["failures"]]
    assert sorted(said) == [
        (f"{clip}, {what}", "the disk is full")
        for clip in ("a1", "b1")
        for what in ("bcdcodec 12.5 at 6000", "x264 64 lookahead 12.5 at 40")
    ]
    assert len(numbers["cells"]) == 18
    page = (request_.out / "results.md").read_text()
    assert "**4 measurements failed" in page
    assert "- b1, x264 64 lookahead 12.5 at 40: the disk is full" in page
    # Where the plan goes on, what failed is tried again, and nothing else.
    monkeypatch.setattr(runner, "run_cell", measure)
    steps: Steps = []
    assert bench(request_, progress=record(steps))["failures"] == []
    assert steps[0] == ("cells", 18, 22)


@pytest.mark.usefixtures("in_this_process")
def test_a_dead_worker_ends_the_run_in_one_line(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: object, **__: object) -> object:
        raise BrokenProcessPool("gone")

    monkeypatch.setattr(runner, "run_cell", dies)
    with pytest.raises(ConfigError, match="a worker process died with 22 of 22 left"):
        bench(request_, progress=lambda *step: None)


@pytest.mark.parametrize("missing", ["bjontegaard", "matplotlib", "imageio_ffmpeg", "pairs", "inception", "weights"])
def test_what_is_missing_is_said_before_any_cell(
    request_: Request, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    changes = {
        "imageio_ffmpeg": PLAN.replace('"x264"', '"libaom"'),
        "pairs": PLAN.replace("[[codec]]", '[transfer]\npairs = "no.csv"\nseconds = 1.0\n[[codec]]', 1),
        "inception": 'sets_every_nth = 5\ninception = "no.pth"' + PLAN,
    }
    request_.plan.write_text(changes.get(missing, PLAN))
    if missing == "weights":
        request_ = replace(request_, weights="no/weights.safetensors")
    monkeypatch.setitem(sys.modules, missing, None)
    steps: Steps = []
    with pytest.raises((MissingExtraError, ConfigError, WeightsError)):
        bench(request_, progress=record(steps))
    assert steps == []


def test_unknown_clips_and_folders_are_refused(request_: Request, tmp_path: Path) -> None:
    request_.plan.write_text(PLAN.replace('"a1", ', '"a9", '))
    with pytest.raises(ConfigError, match="a9"):
        bench(request_, progress=lambda *step: None)
    with pytest.raises(ConfigError, match=r"clips\.csv"):
        bench(replace(request_, clips=tmp_path), progress=lambda *step: None)


def test_clips_become_lossless_squares(request_: Request) -> None:
    clip, other = read_clips(request_.clips)[:2]
    plan = read_plan(request_.plan)
    store = Store(request_.work, plan, model_id="", sampling=SamplingConfig(steps=1, guidance=1.0))
    path = runner._prepare(clip, Fraction(25, 2), 1.0, store)
    frames = runner.read_all(path, Fraction(25, 2))
    assert frames.shape == (12, 256, 256, 3)
    direct = np.stack(list(read_clip(clip.path, rate=Fraction(25, 2), pixels=256)))[:12]
    assert np.array_equal(frames, direct)
    # Named by what it holds: the same clip under another name is not prepared again, another length is.
    assert runner._prepare(other, Fraction(25, 2), 1.0, store) == path
    assert runner._prepare(clip, Fraction(25, 2), 0.5, store) != path
    other.path.write_bytes(b"something else")
    assert Store(request_.work, plan, model_id="", sampling=SamplingConfig(steps=1, guidance=1.0)).content(
        other.path
    ) != store.content(clip.path)
