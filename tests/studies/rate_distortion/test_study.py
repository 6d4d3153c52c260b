"""The rate-distortion study on two drawn clips with the tiny model: files, resuming, failures."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bcdcodec.errors import ConfigError, MissingExtraError, VideoError, WeightsError
from bcdcodec.studies.rate_distortion import study
from bcdcodec.studies.rate_distortion.measure import Bench
from bcdcodec.studies.rate_distortion.scores import RDPoint, RDResult
from bcdcodec.studies.rate_distortion.study import Request, run_study

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
        weights=str(tiny_weights), device="cpu", preset="fast", jobs=1,
    )  # fmt: skip


def record(steps: Steps) -> Callable[..., None]:
    return lambda what, done, total, left: steps.append((what, done, total))


def test_everything_is_written_and_found_again(request_: Request) -> None:
    first: Steps = []
    numbers = run_study(request_, progress=record(first))
    assert first == [("points", done, 22) for done in range(23)]
    page = (request_.out / "results.md").read_text()
    assert json.loads((request_.out / "results/results.json").read_text()) == json.loads(json.dumps(numbers))
    for name in ("psnr.png", "flicker.png", "sheet.png"):
        assert (request_.out / "results" / name).read_bytes().startswith(b"\x89PNG")
    # Only clips that may be shown are in a sheet; the other one is in the numbers.
    assert "- a1: else/where" in page
    assert "- b1: some/where" not in page
    points = numbers["points"]
    assert isinstance(points, list)
    assert {point["clip"] for point in points} == {"a1", "b1"}
    own, baseline = (
        [point for point in points if point["series"].startswith(name) and point["clip"] == "a1"]
        for name in ("bcdcodec", "x264")
    )
    assert all(point["frames"] == 12 and point["seconds"] == 0.96 for point in own + baseline)
    assert all(point["file_bytes"] == point["payload_bytes"] for point in own)
    assert [point["payload_bytes"] for point in baseline] == sorted(point["payload_bytes"] for point in baseline)
    assert [point["metrics"]["psnr"] for point in baseline] == sorted(point["metrics"]["psnr"] for point in baseline)
    assert all(point["payload_bytes"] < point["file_bytes"] for point in baseline)
    (frozen,) = [point for point in points if point["series"].startswith("freeze frame") and point["clip"] == "a1"]
    assert (frozen["payload_bytes"], frozen["file_bytes"]) == (0, 0)
    assert frozen["metrics"]["flicker"] > 0
    assert "too few people" in page
    assert "- 22 points, 1 at a time with" in page
    again: Steps = []
    assert run_study(request_, progress=record(again)) == numbers
    assert (request_.out / "results.md").read_text() == page
    assert again == [("points", 22, 22)]
    # A metric more is another measurement.
    request_.plan.write_text(PLAN.replace('"flicker"]', '"flicker", "ssim"]'))
    other: Steps = []
    run_study(request_, progress=record(other))
    assert other[0] == ("points", 0, 22)


def test_workers_measure_what_one_process_does(request_: Request) -> None:
    """Points of one record through real worker processes."""
    here = run_study(request_, progress=lambda *step: None)
    points = request_.work / "points"
    chosen = next(path for path in points.glob("*.json") if json.loads(path.read_text())["series"].startswith("bcd"))
    expected = json.loads(chosen.read_text())
    chosen.unlink()
    steps: Steps = []
    run_study(replace(request_, jobs=2), progress=record(steps))
    # The clips are equal, so both names of the point are missing.
    assert steps == [("points", 20, 22), ("points", 21, 22), ("points", 22, 22)]
    found = json.loads(chosen.read_text())
    for name in ("operating_point", "payload_bytes", "frames"):
        assert found[name] == expected[name]
    assert found["metrics"]["psnr"] == pytest.approx(expected["metrics"]["psnr"], abs=0.05)
    assert [item["own"] for item in here["comparisons"]] == ["bcdcodec 12.5"]


def test_what_fails_is_named_and_left_out(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    """One point of a baseline and one of bcdcodec fail; the rest is measured, kept and compared."""
    measure = study.measure_rd_point

    def fails(bench: Bench, point: RDPoint) -> RDResult:
        if (point.series.codec, point.operating_point) in (("x264", 40), ("bcdcodec", 6000)):
            raise VideoError("the disk\nis full")
        return measure(bench, point)

    monkeypatch.setattr(study, "measure_rd_point", fails)
    numbers = run_study(request_, progress=lambda *step: None)
    said = [(item["item"], item["reason"]) for item in numbers["failures"]]
    assert sorted(said) == [
        (f"{clip}, {what}", "the disk is full")
        for clip in ("a1", "b1")
        for what in ("bcdcodec 12.5 at 6000", "x264 64 lookahead 12.5 at 40")
    ]
    assert len(numbers["points"]) == 18
    page = (request_.out / "results.md").read_text()
    assert "**4 measurements failed" in page
    assert "- b1, x264 64 lookahead 12.5 at 40: the disk is full" in page
    # Where the plan goes on, what failed is tried again, and nothing else.
    monkeypatch.setattr(study, "measure_rd_point", measure)
    steps: Steps = []
    assert run_study(request_, progress=record(steps))["failures"] == []
    assert steps[0] == ("points", 18, 22)


@pytest.mark.parametrize("missing", ["bjontegaard", "matplotlib", "imageio_ffmpeg", "inception", "weights"])
def test_what_is_missing_is_said_before_any_cell(
    request_: Request, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    changes = {
        "imageio_ffmpeg": PLAN.replace('"x264"', '"libaom"'),
        "inception": 'distribution_every_nth = 5\ninception = "no.pth"' + PLAN,
    }
    request_.plan.write_text(changes.get(missing, PLAN))
    if missing == "weights":
        request_ = replace(request_, weights="no/weights.safetensors")
    monkeypatch.setitem(sys.modules, missing, None)
    steps: Steps = []
    with pytest.raises((MissingExtraError, ConfigError, WeightsError)):
        run_study(request_, progress=record(steps))
    assert steps == []


def test_unknown_clips_and_folders_are_refused(request_: Request, tmp_path: Path) -> None:
    request_.plan.write_text(PLAN.replace('"a1", ', '"a9", '))
    with pytest.raises(ConfigError, match="a9"):
        run_study(request_, progress=lambda *step: None)
    with pytest.raises(ConfigError, match=r"clips\.csv"):
        run_study(replace(request_, clips=tmp_path), progress=lambda *step: None)
