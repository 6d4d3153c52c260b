"""People that a run does not learn from: who they are, what is measured on them, which weights are kept."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError, WeightsError
from bcdcodec.model.bcd import Bcd
from bcdcodec.training.data.clips import ClipCache
from bcdcodec.training.options import TrainOptions
from bcdcodec.training.run import held_out
from bcdcodec.training.run.checkpoint import average_error, load_average
from bcdcodec.training.run.held_out import HeldOutProbe, divide_clips
from bcdcodec.training.run.loop import train


@pytest.fixture
def paper(tiny_config: ModelConfig) -> ModelConfig:
    torch.set_num_threads(1)
    return replace(tiny_config, denoiser=replace(tiny_config.denoiser, warp_blocks=0, landmarks=0))


@pytest.fixture
def one_in_four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out, "LEAST_PEOPLE", 4)
    monkeypatch.setattr(held_out, "PEOPLE_TO_ONE_HELD_OUT", 4)


def test_few_people_are_all_learned_from(clip_cache: Path, paper: ModelConfig) -> None:
    cache = ClipCache(clip_cache, paper)
    for asked in (None, "people"):
        learned, others = divide_clips(cache, paper, asked)  # type: ignore[arg-type]
        assert others is None and learned.entries == cache.entries


@pytest.mark.usefixtures("one_in_four")
def test_of_many_a_few_are_held_back(clip_cache: Path, paper: ModelConfig) -> None:
    cache = ClipCache(clip_cache, paper)
    learned, others = divide_clips(cache, paper, "people")
    assert others is not None
    held, kept = ({entry.person for entry in part.entries} for part in (others, learned))
    assert len(held) == 1 and len(kept) == 3 and not held & kept
    assert divide_clips(cache, paper, clip_cache)[0] is cache


@pytest.mark.usefixtures("one_in_four")
def test_a_run_keeps_its_best_weights(tmp_path: Path, clip_cache: Path, paper: ModelConfig) -> None:
    run = tmp_path / "run"
    options = TrainOptions(run=run, updates=9, report_every=1, sheet_every=99)
    train(paper, options, cache=clip_cache, vae=None, held_out="people")
    errors = {
        line["step"]: line["held_out_error"]
        for line in map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    }
    assert [*errors] == [*range(1, 10)] and all(error > 0 for error in errors.values())
    complete = {step: error for step, error in errors.items() if step > 6}  # temporal blocks join after two thirds
    best = run / "best.safetensors"
    assert average_error(best) == min(complete.values())
    assert complete[load_average(best, Bcd(paper))] == min(complete.values())


@pytest.mark.usefixtures("one_in_four")
def test_only_better_weights_replace_the_best(
    tmp_path: Path, clip_cache: Path, paper: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, model = ClipCache(clip_cache, paper), Bcd(paper)
    best = tmp_path / "best.safetensors"

    def measure(step: int, error: float, *, complete: bool = True) -> None:
        probe = HeldOutProbe(tmp_path, cache, paper, device=torch.device("cpu"))  # of a run that goes on
        monkeypatch.setattr(held_out, "held_out_error", lambda *places, **names: error)
        assert probe.measure(step, model, None, temporal=False, complete=complete) == error

    measure(10, 0.5, complete=False)
    assert not best.exists()
    for step, error in ((20, 0.9), (30, 0.7), (40, 0.8)):
        measure(step, error)
    assert (load_average(best, model), average_error(best)) == (30, 0.7)


def test_a_run_keeps_its_held_out_people(tmp_path: Path, clip_cache: Path, paper: ModelConfig) -> None:
    cache = ClipCache(clip_cache, paper)
    HeldOutProbe(tmp_path, cache.of_people({"p0"}), paper, device=torch.device("cpu"))
    with pytest.raises(ConfigError, match="began with other people"):
        HeldOutProbe(tmp_path, cache.of_people({"p1"}), paper, device=torch.device("cpu"))


def test_a_foreign_file_is_no_average(tiny_weights: Path) -> None:
    with pytest.raises(WeightsError, match="not the average of a run"):
        average_error(tiny_weights)
