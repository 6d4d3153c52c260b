"""The experiment engine: resuming, failures by name, records of another release, worker processes."""

import json
from pathlib import Path
from typing import Any

import pytest

from bcdcodec.errors import BcdError, ConfigError
from bcdcodec.evaluation.harness.experiment import Experiment, Failure, record_path


def offset() -> int:
    return 10


def shifted(context: int, item: int) -> dict[str, int]:
    if item == 3:
        raise ConfigError("three\nis refused")
    return {"value": context + item}


def experiment(folder: Path, **changes: Any) -> Experiment[int, int, int]:
    facts: dict[str, Any] = {
        "open_context": offset, "measure": shifted, "record_path": lambda item: folder / f"{item}.json",
        "label": lambda item: f"item {item}", "parse": lambda record: record["value"],
    }  # fmt: skip
    return Experiment(**facts | changes)


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_is_missing_is_measured_and_failures_are_named(tmp_path: Path, jobs: int) -> None:
    steps: list[tuple[int, int, float | None]] = []
    (tmp_path / "2.json").write_text('{"value": 7}')
    found = experiment(tmp_path).run(
        [1, 2, 3, 4], jobs=jobs, keep_going=True, progress=lambda *step: steps.append(step)
    )
    assert found.results == {1: 11, 2: 7, 4: 14} and list(found.results) == [1, 2, 4]
    assert found.failures == [Failure(item="item 3", reason="three is refused")]
    assert [step[:2] for step in steps] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert steps[0][2] is None and steps[-1][2] == 0
    assert json.loads((tmp_path / "4.json").read_text()) == {"value": 14}


def test_finished_items_open_nothing(tmp_path: Path) -> None:
    experiment(tmp_path).run([1, 2])
    steps: list[tuple[int, int, float | None]] = []
    found = experiment(tmp_path, open_context=None).run([2, 1], progress=lambda *step: steps.append(step))
    assert (found.results, steps) == ({2: 12, 1: 11}, [(2, 2, None)])


def test_the_first_error_ends_a_run_that_keeps_its_records(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="refused"):
        experiment(tmp_path).run([1, 3, 4])
    assert [path.name for path in tmp_path.iterdir()] == ["1.json"]


@pytest.mark.parametrize("text", ["", "{", '{"other": 1}', "[]"])
def test_records_that_cannot_be_read_are_measured_again(tmp_path: Path, text: str) -> None:
    (tmp_path / "1.json").write_text(text)
    found = experiment(tmp_path).run([1])
    assert found.results == {1: 11}


def killed(context: int, item: int) -> int:
    import os

    os._exit(1)


def test_a_killed_worker_ends_the_run_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BcdError, match="a worker was killed"):
        experiment(tmp_path, measure=killed).run([1, 2], jobs=2, keep_going=True)


def test_keys_name_records(tmp_path: Path) -> None:
    first = record_path(tmp_path, "a", 1, name="clip")
    assert first.parent == tmp_path and first.name.startswith("clip-") and first.suffix == ".json"
    assert first == record_path(tmp_path, "a", 1, name="clip") != record_path(tmp_path, "a", 2, name="clip")
    assert record_path(tmp_path, "a", suffix=".png").suffix == ".png"
