"""What changes over a run: learning rates per part, noise levels, and when codes begin."""

from dataclasses import replace

import pytest

from bcdcodec.config import ModelConfig
from bcdcodec.training.schedule import Schedule


@pytest.fixture
def paper_config(tiny_config: ModelConfig) -> ModelConfig:
    return replace(tiny_config, denoiser=replace(tiny_config.denoiser, anchor_blocks=0, face_points=0))


def test_the_papers_parts_share_one_rate(paper_config: ModelConfig) -> None:
    schedule = Schedule.of(paper_config, 1000)
    for step in range(1000):
        assert schedule.rate_factor(step, denoiser=True) == schedule.rate_factor(step, denoiser=False)
    factors = [schedule.rate_factor(step, denoiser=True) for step in (0, 49, 99, 699, 850, 999)]
    assert factors == pytest.approx([0.01, 0.5, 1, 1, 0.5, 1 / 300])


def test_the_rest_is_done_when_the_denoiser_begins(tiny_config: ModelConfig) -> None:
    schedule = Schedule.of(tiny_config, 10_000)
    begin = round(schedule.anchor_until * 10_000)
    assert schedule.rate_factor(begin - 1, denoiser=True) == 0
    assert schedule.rate_factor(begin, denoiser=True) == pytest.approx(1 / schedule.warmup)
    assert schedule.rate_factor(begin + 1000, denoiser=True) == 1
    assert schedule.rate_factor(9_999, denoiser=True) < 0.01
    assert schedule.rate_factor(1000, denoiser=False) == 1
    assert [schedule.rate_factor(step, denoiser=False) for step in (begin, 9_999)] == [0, 0]
    assert schedule.denoiser_from == begin


def test_poses_come_before_codes(tiny_config: ModelConfig, paper_config: ModelConfig) -> None:
    schedule = Schedule.of(tiny_config, 1000)
    assert schedule.coded_from == 490
    assert [schedule.objective(tiny_config, step).coded for step in (0, 489, 490, 999)] == [False, False, True, True]
    paper = Schedule.of(paper_config, 1000)
    assert paper.coded_from == 0
    assert all(paper.objective(paper_config, step).coded for step in range(1000))
    assert all(paper.objective(paper_config, step).denoise for step in range(1000))


def test_noise_comes_down_only_without_an_anchor(tiny_config: ModelConfig, paper_config: ModelConfig) -> None:
    for config, falls in ((tiny_config, 0.0), (paper_config, 0.8)):
        schedule = Schedule.of(config, 100)
        first, last = (schedule.objective(config, step).sigma_mean for step in (0, 99))
        assert first - last == pytest.approx(falls)
