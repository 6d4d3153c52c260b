"""The study of speed: all jobs are measured, shares add up, and the page and the comparison are made of the numbers."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from bcdcodec import __version__
from bcdcodec.codec.model import CodecModel
from bcdcodec.evaluation.report.tables import replace_tables
from bcdcodec.frame import Frame
from bcdcodec.studies.speed.batches import measure_batches
from bcdcodec.studies.speed.measure import limited_cores
from bcdcodec.studies.speed.stage_clock import REST
from bcdcodec.studies.speed.stages import DECODING, ENCODING
from bcdcodec.studies.speed.study import FOLDER, PAGE, PROFILES, Request, run_study
from bcdcodec.studies.speed.tables import tables
from bcdcodec.video.shots import plan_shots
from bcdcodec.video.writer import VideoWriter

DOCS = Path(__file__).parents[3] / "docs"
JOBS = ("encode", "decode, fast", "decode, standard")


def made_up_profile(job: str, cores: int) -> dict[str, Any]:
    stages = [stage.name for stage in (ENCODING if job == "encode" else DECODING)]
    times = {name: 1.0 + index for index, name in enumerate([*stages, REST])}
    return {"job": job, "cores": cores, "frames": 6, "frame_rate": 12.5, "stages": times}


@pytest.fixture
def numbers() -> dict[str, Any]:
    """Numbers of the form that the study writes."""
    profiles = [made_up_profile(job, cores) for cores in (1, 2) for job in JOBS]
    return {"version": __version__, "yardstick_ms": 50.0, "profiles": profiles, "device": None, "batches": []}


@pytest.fixture(scope="module")
def measured(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of a clip of six frames by the tiny model, which finds no face."""
    out, done = tmp_path_factory.mktemp("speed"), list[int]()
    clip, y = out / "talk.mp4", np.arange(96)
    with VideoWriter(clip, 96, 96, rate=Fraction(25, 2)) as writer:
        for index in range(6):
            pixels = np.broadcast_to((y + 9 * index)[:, None, None], (96, 96, 3)).astype(np.uint8)
            writer.write(Frame(pixels=np.ascontiguousarray(pixels), index=index))
    request = Request(clip=clip, out=out, weights=str(tiny_weights), device="cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bcdcodec.codec.window.follow_landmarks", lambda frame, before: None)
        patch.setattr("bcdcodec.codec.encode.file.plan_shots", lambda media, *, crop: plan_shots(media, crop=False))
        found = run_study(request, progress=lambda stage, count, total, left=None: done.append(count))
    assert done == [*range(1, PROFILES + 1)]
    assert json.loads((out / FOLDER / f"{__version__}.json").read_text()) == found
    text = (out / PAGE).read_text()
    assert replace_tables(text, tables(found)) == text
    return found


@pytest.mark.slow
def test_every_job_is_measured_on_one_core_and_on_two(measured: dict[str, Any], numbers: dict[str, Any]) -> None:
    assert {*numbers} < {*measured} and [*measured["profiles"][0]] == [*numbers["profiles"][0]]
    jobs = [(profile["job"], profile["cores"]) for profile in measured["profiles"]]
    assert jobs == [(job, cores) for cores in (1, 2) for job in JOBS]
    for profile in measured["profiles"]:
        stages = ENCODING if profile["job"] == "encode" else DECODING
        assert [*profile["stages"]] == [*(stage.name for stage in stages), REST]
        assert profile["frames"] > 0 and all(value >= 0 for value in profile["stages"].values())
    assert measured["yardstick_ms"] > 0 and measured["batches"] == []


@pytest.mark.slow
def test_stages_that_a_clip_needs_take_time(measured: dict[str, Any]) -> None:
    encode, fast, standard = measured["profiles"][3:]
    assert all(encode["stages"][name] > 0 for name in ("reading", "cropping", "reference stills", "entropy coding"))
    assert all(fast["stages"][name] > 0 for name in ("still decoding", "mesh and flow", "warp", "mp4 encoding"))
    assert not fast["stages"]["denoiser"] and standard["stages"]["denoiser"] > 0


def test_shares_add_up_in_the_tables(numbers: dict[str, Any]) -> None:
    for lines in tables(numbers).values():
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
        *stages, whole = rows
        assert whole[0] == "whole"
        for column in range(1, len(whole)):
            total = sum(float(row[column]) for row in stages)
            assert total == pytest.approx(float(whole[column]), abs=0.06 * len(stages))


@pytest.mark.parametrize("path", sorted((DOCS / FOLDER).glob("*.json")), ids=lambda path: path.stem)
def test_the_published_shares_add_up(path: Path) -> None:
    found = json.loads(path.read_text())
    assert path.stem == found["version"] and len(found["profiles"]) == PROFILES
    if path.stem == __version__:
        text = (DOCS / PAGE).read_text()
        assert replace_tables(text, tables(found)) == text


def test_batches_are_measured_by_preset(tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = CodecModel.load(tiny_weights, device="cpu")
    monkeypatch.setattr("bcdcodec.studies.speed.batches.WINDOWS", 1)
    found = [*measure_batches(model, (1, 2))]
    assert [(row.preset, row.segments) for row in found] == [(name, n) for name in ("fast", "standard") for n in (1, 2)]
    assert all(row.frames_per_second > 0 and row.peak_mib is None for row in found)


def test_cores_are_given_back() -> None:
    before = torch.get_num_threads()
    with limited_cores(2):
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == before


@pytest.fixture
def compare(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("tools/compare_speed.py")


def test_a_slower_machine_is_no_change(compare: ModuleType, numbers: dict[str, Any]) -> None:
    slower = json.loads(json.dumps(numbers)) | {"yardstick_ms": 3 * numbers["yardstick_ms"]}
    for profile in slower["profiles"]:
        profile["stages"] = {name: 3 * value for name, value in profile["stages"].items()}
    found = [*compare.changes(numbers, slower)]
    assert len(found) == sum(1 + len(profile["stages"]) for profile in numbers["profiles"])
    for change in found:
        assert change.shares[0] == pytest.approx(change.shares[1])
        assert change.ratio is None or change.ratio == pytest.approx(1)


def test_a_stage_that_doubles_stands_out(
    compare: ModuleType, numbers: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    doubled = json.loads(json.dumps(numbers))
    doubled["profiles"][0]["stages"]["reading"] *= 2
    paths = tmp_path / "old.json", tmp_path / "new.json"
    for path, found in zip(paths, (numbers, doubled), strict=True):
        path.write_text(json.dumps(found))
    assert compare.main([*map(str, paths)]) == 0
    assert "reading" in next(line for line in capsys.readouterr().out.splitlines() if line.endswith("2.00"))
    paths[0].write_text("{}")
    assert compare.main([*map(str, paths)]) == 2
