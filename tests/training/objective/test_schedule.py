"""What changes over a run: learning rates per part, noise levels, and when codes begin."""

import math
from dataclasses import replace

import pytest

from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError
from bcdcodec.training.codebooks.kmeans_init import MOTION_NOISE
from bcdcodec.training.objective.phase import Phase
from bcdcodec.training.objective.schedule import Schedule


@pytest.fixture
def paper_config(tiny_config: ModelConfig) -> ModelConfig:
    return replace(tiny_config, denoiser=replace(tiny_config.denoiser, warp_blocks=0, landmarks=0))


def test_the_papers_parts_share_one_rate(paper_config: ModelConfig) -> None:
    schedule = Schedule.of(paper_config, 1000)
    for step in range(1000):
        assert schedule.rate_factor(step, denoiser=True) == schedule.rate_factor(step, denoiser=False)
    factors = [schedule.rate_factor(step, denoiser=True) for step in (0, 49, 99, 699, 850, 999)]
    assert factors == pytest.approx([0.01, 0.5, 1, 1, 0.5, 1 / 300])


def test_the_rest_is_done_when_the_denoiser_begins(tiny_config: ModelConfig) -> None:
    schedule = Schedule.of(tiny_config, 10_000)
    begin = round(schedule.warping_until * 10_000)
    assert schedule.rate_factor(begin - 1, denoiser=True) == 0
    assert schedule.rate_factor(begin, denoiser=True) == pytest.approx(1 / schedule.warmup)
    assert schedule.rate_factor(begin + 1000, denoiser=True) == 1
    assert schedule.rate_factor(9_999, denoiser=True) < 0.01
    assert schedule.rate_factor(1000, denoiser=False) == 1
    assert [schedule.rate_factor(step, denoiser=False) for step in (begin, 9_999)] == [0, 0]
    assert schedule.denoiser_from == begin


def test_poses_come_before_codes(tiny_config: ModelConfig, paper_config: ModelConfig) -> None:
    schedule = Schedule.of(tiny_config, 1000)
    assert schedule.quantized_from == 250
    assert [schedule.objective(tiny_config, step).phase.quantizes for step in (0, 249, 250, 999)] == [
        False,
        False,
        True,
        True,
    ]
    paper = Schedule.of(paper_config, 1000)
    assert paper.quantized_from == 0
    assert all(paper.objective(paper_config, step).phase.quantizes for step in range(1000))
    assert all(paper.objective(paper_config, step).phase.trains_denoiser for step in range(1000))


def test_noise_comes_down_only_without_a_warper(tiny_config: ModelConfig, paper_config: ModelConfig) -> None:
    for config, falls in ((tiny_config, 0.0), (paper_config, 0.8)):
        schedule = Schedule.of(config, 100)
        first, last = (schedule.objective(config, step).sigma_mean for step in (0, 99))
        assert first - last == pytest.approx(falls)


def test_reinitialised_codebooks_come_after_continuous_motion(
    tiny_config: ModelConfig, paper_config: ModelConfig
) -> None:
    schedule = Schedule.of(paper_config, 100, reinit_codebooks=True)
    assert schedule.quantized_from == 25
    first, before, after, last = (schedule.objective(paper_config, step) for step in (0, 24, 25, 99))
    for objective in (first, before):
        assert (objective.phase, objective.motion_noise) == (Phase.CONTINUOUS, MOTION_NOISE)
        assert not objective.phase.quantizes and objective.phase.trains_encoder
        assert objective.decoded_frames == schedule.decoded_frames
    for objective in (after, last):
        assert (objective.phase, objective.motion_noise) == (Phase.DENOISER, 0)
        assert objective.phase.quantizes and not objective.phase.trains_encoder
    plain = [Schedule.of(paper_config, 100).objective(paper_config, step) for step in range(100)]
    assert all(objective.phase is Phase.JOINT and not objective.motion_noise for objective in plain)
    assert Phase.JOINT.trains_encoder
    with pytest.raises(ConfigError, match="with a warper"):
        Schedule.of(tiny_config, 100, reinit_codebooks=True)


def test_a_denoiser_trained_alone_has_whole_windows(tiny_config: ModelConfig, paper_config: ModelConfig) -> None:
    for config in (tiny_config, paper_config):
        schedule = Schedule.of(config, 100, train="denoiser")
        steps = [schedule.objective(config, step) for step in (0, 50, 99)]
        assert all(step.phase is Phase.DENOISER and step.temporal for step in steps)
        assert {step.decoded_frames for step in steps} == {config.window_frames + config.context_frames}
        assert schedule.rate_factor(99, denoiser=True) == pytest.approx(1 / 30)


def test_a_denoiser_trained_alone_is_at_the_samplers_noise(paper_config: ModelConfig) -> None:
    def levels(**sampling: float) -> tuple[float, float]:
        used = replace(paper_config.sampling["standard"], **sampling)
        config = replace(paper_config, sampling={**paper_config.sampling, "standard": used})
        objective = Schedule.of(config, 100, train="denoiser").objective(config, 0)
        return objective.sigma_mean, objective.sigma_std

    assert levels(steps=3, sigma_min=1.0, sigma_max=100.0) == pytest.approx((math.log(10), math.log(100) / 2))
    # One step is taken at the highest level, whatever the lowest is.
    assert levels(steps=1, sigma_min=0.01, sigma_max=5.0) == pytest.approx((math.log(5), 1.0))


def test_content_shrinks_once_it_is_learned(paper_config: ModelConfig) -> None:
    config = replace(paper_config, optim=replace(paper_config.optim, content_weight=0.5))
    schedule = Schedule.of(config, 100)
    weights = [schedule.objective(config, step).content_weight for step in (0, 60, 70, 80, 99)]
    assert weights == pytest.approx([0, 0, 0.25, 0.5, 0.5])
    assert Schedule.of(config, 100, reinit_codebooks=True).objective(config, 0).content_weight == 0.5


def test_a_configuration_may_fix_rates_and_noise(paper_config: ModelConfig) -> None:
    optim = replace(paper_config.optim, warmup=0, decay=0.0, noise_levels=(-1.2, 1.3), full_batch=True)
    config = replace(paper_config, optim=optim)
    schedule = Schedule.of(config, 100)
    assert {schedule.rate_factor(step, denoiser=denoiser) for step in range(100) for denoiser in (0, 1)} == {1.0}
    steps = [schedule.objective(config, step) for step in (0, 60, 70, 99)]
    assert {(one.sigma_mean, one.sigma_std) for one in steps} == {(-1.2, 1.3)}
    assert {(one.clips, one.decoded_frames) for one in steps} == {(config.optim.batch, 5)}
    assert [one.temporal for one in steps] == [False, False, True, True]


def test_weights_are_complete_once_every_part_has_joined(tiny_config: ModelConfig) -> None:
    paper = replace(tiny_config, denoiser=replace(tiny_config.denoiser, warp_blocks=0, landmarks=0))
    assert Schedule.of(paper, 90).complete_from == 60  # temporal blocks
    assert Schedule.of(tiny_config, 1000).complete_from == 973
    for part in ("denoiser", "warper", "encoder"):  # alone, from the start
        assert Schedule.of(tiny_config, 1000, train=part).complete_from == 0
    assert Schedule.of(paper, 1).complete_from == 0
