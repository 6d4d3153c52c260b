"""The training run: it resumes bit-exactly, its phases train what they say, and it learns."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bcdcodec.config import ModelConfig, PictureDenoiserConfig, preset
from bcdcodec.denoiser.export import painting
from bcdcodec.errors import ConfigError, WeightsError
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.vae import Vae
from bcdcodec.training.objective.phase import Phase
from bcdcodec.training.objective.schedule import Schedule
from bcdcodec.training.options import TrainOptions
from bcdcodec.training.run.checkpoint import load_average
from bcdcodec.training.run.loop import train
from bcdcodec.training.run.training_run import CHECKPOINT


class Halt(Exception):
    """Stands for a killed process."""


def options(tmp_path: Path, updates: int) -> TrainOptions:
    return TrainOptions(run=tmp_path / "run", updates=updates, report_every=3, save_every=3)


@pytest.fixture
def vae(tiny_config: ModelConfig) -> Vae:
    assert tiny_config.vae is not None
    torch.manual_seed(0)
    return Vae(tiny_config.vae).eval().requires_grad_(False)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_a_resumed_run_is_the_same_run(tmp_path: Path, clip_cache: Path, tiny_config: ModelConfig, vae: Vae) -> None:
    whole = train(tiny_config, options(tmp_path / "a", 12), cache=clip_cache, vae=vae)

    def halt(step: int) -> None:
        if step == 7:
            raise Halt

    with pytest.raises(Halt):
        train(tiny_config, options(tmp_path / "b", 12), cache=clip_cache, vae=vae, progress=halt)
    resumed = train(tiny_config, options(tmp_path / "b", 12), cache=clip_cache, vae=vae)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    lines = [json.loads(line) for line in (tmp_path / "b/run/metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [3, 6, 9, 12]
    assert ModelConfig.from_json((tmp_path / "b/run/config.json").read_text()) == tiny_config


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_a_compiled_run_learns_the_same(tmp_path: Path, clip_cache: Path, tiny_config: ModelConfig, vae: Vae) -> None:
    config = replace(tiny_config, denoiser=replace(tiny_config.denoiser, warp_blocks=0, landmarks=0))
    plain, compiled = (
        train(config, replace(options(tmp_path / str(on), 6), compiled=on), cache=clip_cache, vae=vae).state_dict()
        for on in (False, True)
    )
    torch.manual_seed(0)
    start = Bcd(config).state_dict()
    assert plain.keys() == compiled.keys() == start.keys()
    moved, apart = (
        sum(float((one[name] - other[name]).square().sum()) for name in start if start[name].is_floating_point()) ** 0.5
        for one, other in ((plain, start), (plain, compiled))
    )
    assert apart < 0.01 * moved  # of all parameters: AdamW makes large steps of gradients that are all rounding


def test_phases_train_what_they_say(tmp_path: Path, clip_cache: Path, tiny_config: ModelConfig, vae: Vae) -> None:
    torch.manual_seed(0)
    start = Bcd(tiny_config).state_dict()
    schedule = Schedule.of(tiny_config, 50)
    objectives = [schedule.objective(tiny_config, step) for step in range(50)]
    phases = [o.phase for o in objectives]
    assert phases == [Phase.LANDMARKS] * 13 + [Phase.WARPING] * 26 + [Phase.DENOISER] * 11
    assert [phase.quantizes for phase in phases] == [False] * 13 + [True] * 37
    assert [phase.trains_denoiser for phase in phases] == [False] * 39 + [True] * 11
    assert [o.temporal for o in objectives] == [False] * 49 + [True]
    moved = {}
    parts = ("encoder", "landmark_head", "warper", "dit.blocks", "dit.temporal")
    for steps in (12, 38, 48, 50):  # one schedule, looked at where each phase ends

        def halt(step: int, stop: int = steps) -> None:
            if step == stop:
                raise Halt

        with pytest.raises(Halt):
            train(
                tiny_config,
                replace(options(tmp_path, 50), save_every=2),
                cache=clip_cache,
                vae=vae,
                progress=halt,
            )
        average = Bcd(tiny_config)
        load_average(tmp_path / "run/last.safetensors", average)
        now = average.state_dict()
        moved[steps] = tuple(
            part for part in parts if any(n.startswith(part) and not torch.equal(now[n], start[n]) for n in now)
        )
    assert moved == {12: parts[:1], 38: parts[:3], 48: parts[:4], 50: parts}


def test_it_learns(tmp_path: Path, clip_cache: Path, tiny_config: ModelConfig) -> None:
    """Without a warper the denoiser must learn everything: its error falls well below the data's variance."""
    paper = replace(tiny_config, denoiser=replace(tiny_config.denoiser, warp_blocks=0, width=64, sigma_data=1.0))
    train(
        paper,
        TrainOptions(run=tmp_path / "run", updates=120, report_every=10, save_every=120),
        cache=clip_cache,
        vae=None,
    )
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    first, last = lines[0], lines[-1]
    assert last["probe"]["true"] < 0.8 * first["probe"]["true"]
    assert last["probe"]["other_content"] > 1.2 * last["probe"]["true"]
    assert abs(last["bits_per_code"] - tiny_config.quantizer.target_bits_per_group) < 0.7


def test_reinitialised_codebooks_freeze_all_but_the_denoiser(
    tmp_path: Path, clip_cache: Path, tiny_config: ModelConfig
) -> None:
    paper = replace(tiny_config, denoiser=replace(tiny_config.denoiser, warp_blocks=0, landmarks=0))
    run = replace(options(tmp_path, 16), reinit_codebooks=True, save_every=1)
    states = {}
    for steps in (4, 5, 15):  # the codebook is laid out before step 4

        def halt(step: int, stop: int = steps) -> None:
            if step == stop:
                raise Halt

        with pytest.raises(Halt):
            train(paper, run, cache=clip_cache, vae=None, progress=halt)
        average = Bcd(paper)
        load_average(tmp_path / "run/last.safetensors", average)
        states[steps] = average.state_dict()
    changed = {
        (a, b): {name.split(".")[0] for name in states[a] if not torch.equal(states[a][name], states[b][name])}
        for a, b in ((4, 5), (5, 15))
    }
    assert "quantizer" in changed[4, 5]
    assert changed[5, 15] == {"dit"}
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [line["used_codes"] is None for line in lines] == [True, False, False, False, False]


def test_the_denoiser_can_be_trained_alone(
    tmp_path: Path, clip_cache: Path, tiny_config: ModelConfig, vae: Vae
) -> None:
    first = train(tiny_config, options(tmp_path / "first", 4), cache=clip_cache, vae=vae).state_dict()
    again = replace(options(tmp_path / "again", 4), train="denoiser")
    then = train(tiny_config, again, cache=clip_cache, init=first, vae=vae).state_dict()
    assert {name.split(".")[0] for name in first if not torch.equal(first[name], then[name])} == {"dit"}


def test_the_warper_can_be_trained_alone(tmp_path: Path, clip_cache: Path, tiny_config: ModelConfig, vae: Vae) -> None:
    first = train(tiny_config, options(tmp_path / "first", 4), cache=clip_cache, vae=vae).state_dict()
    again = replace(options(tmp_path / "again", 4), train="warper")
    then = train(tiny_config, again, cache=clip_cache, init=first, vae=vae).state_dict()
    assert {name.split(".")[0] for name in first if not torch.equal(first[name], then[name])} == {"warper"}
    paper = replace(tiny_config, denoiser=replace(tiny_config.denoiser, warp_blocks=0, landmarks=0))
    with pytest.raises(ConfigError, match="has no warper"):
        Schedule.of(paper, 6, train="warper")


def test_bf16_trains_alike(tmp_path: Path, clip_cache: Path, tiny_config: ModelConfig) -> None:
    paper = replace(tiny_config, denoiser=replace(tiny_config.denoiser, warp_blocks=0, landmarks=0))
    errors = {}
    for precision in ("fp32", "bf16"):
        run = replace(options(tmp_path / precision, 6), precision=precision)
        trained = train(paper, run, cache=clip_cache, vae=None)
        assert all(torch.isfinite(value).all() for value in trained.state_dict().values())
        assert all(value.dtype != torch.bfloat16 for value in trained.state_dict().values())
        lines = (tmp_path / precision / "run/metrics.jsonl").read_text().splitlines()
        errors[precision] = [json.loads(line)["error"] for line in lines]
    assert errors["bf16"] != errors["fp32"]
    assert errors["bf16"] == pytest.approx(errors["fp32"], rel=0.05)


def test_a_foreign_file_is_no_checkpoint(tmp_path: Path, tiny_weights: Path, tiny_config: ModelConfig) -> None:
    with pytest.raises(WeightsError, match="not a checkpoint"):
        load_average(tiny_weights, Bcd(tiny_config))


def test_a_run_can_start_from_weights(tmp_path: Path, clip_cache: Path, tiny_config: ModelConfig, vae: Vae) -> None:
    torch.manual_seed(3)
    start = {name: value.clone() for name, value in Bcd(tiny_config).state_dict().items()}
    found = train(tiny_config, options(tmp_path, 1), cache=clip_cache, init=start, vae=vae).state_dict()
    untouched = [name for name in start if name.startswith("dit.")]  # the denoiser's phase has not come
    assert untouched and all(torch.equal(found[name], start[name]) for name in untouched)


def test_a_run_keeps_its_configuration(tmp_path: Path, clip_cache: Path, tiny_config: ModelConfig, vae: Vae) -> None:
    train(tiny_config, options(tmp_path, 1), cache=clip_cache, vae=vae)
    with pytest.raises(ConfigError, match="another configuration"):
        train(replace(tiny_config, name="other"), options(tmp_path, 2), cache=clip_cache, vae=vae)


def test_the_encoder_can_be_trained_alone(tmp_path: Path, clip_cache: Path, tiny_config: ModelConfig, vae: Vae) -> None:
    """Nothing else moves: a stream's codes mean the same."""
    torch.manual_seed(1)
    start = Bcd(tiny_config).state_dict()
    run = replace(options(tmp_path, 6), train="encoder")
    now = train(tiny_config, run, cache=clip_cache, init=start, vae=vae).state_dict()
    assert {name.split(".")[0] for name in now if not torch.equal(now[name], start[name])} == {"encoder"}
    paper = replace(tiny_config, denoiser=replace(tiny_config.denoiser, warp_blocks=0, landmarks=0))
    with pytest.raises(ConfigError, match="points of a face"):
        Schedule.of(paper, 6, train="encoder")


def test_a_model_that_denoises_pictures(tmp_path: Path, clip_cache: Path, tiny_config: ModelConfig, vae: Vae) -> None:
    """Its encoder is trained alone, its sheet shows what it paints; a denoiser of latents starts anew from it."""
    sampling = tiny_config.sampling | {"realtime": painting()}
    painted = replace(
        tiny_config, picture_denoiser=PictureDenoiserConfig(widths=(8, 8), embedding=8), sampling=sampling
    )
    torch.manual_seed(1)
    start = Bcd(painted).state_dict()
    run = replace(options(tmp_path / "encoder", 3), train="encoder")
    now = train(painted, run, cache=clip_cache, init=start, vae=vae).state_dict()
    assert {name.split(".")[0] for name in now if not torch.equal(now[name], start[name])} == {"encoder"}
    assert [*(run.run / "sheets").iterdir()]
    with pytest.raises(ConfigError, match="no denoiser of latents"):
        Schedule.of(painted, 3)

    latents = {name: value for name, value in start.items() if not name.startswith("picture_denoiser.")}
    begun = train(tiny_config, options(tmp_path / "all", 1), cache=clip_cache, init=latents, vae=vae)
    assert begun.dit is not None


def test_the_papers_recipe_trains(tmp_path: Path, clip_cache: Path, tiny_config: ModelConfig) -> None:
    """With every switch of the preset `lrs3`; its average is the weights themselves."""
    paper = preset("lrs3")
    denoiser = replace(tiny_config.denoiser, warp_blocks=0, landmarks=0, norm_groups=4, linear_conditions=True)
    config = replace(
        tiny_config,
        window_frames=5,
        context_frames=0,
        encoder=replace(tiny_config.encoder, seeded_queries=False),
        quantizer=replace(tiny_config.quantizer, input_std=paper.quantizer.input_std),
        denoiser=replace(denoiser, shared_noise=paper.denoiser.shared_noise),
        optim=replace(paper.optim, batch=2, learning_rate=1e-3, encoder_learning_rate=1e-3),
        content=replace(paper.content),
    )
    run = TrainOptions(run=tmp_path / "run", updates=3, report_every=3)
    model = train(config, run, cache=clip_cache, vae=None)
    (line,) = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert line["loss"] > 0 and line["bits_per_code"] > 0
    state = load_file(tmp_path / "run" / CHECKPOINT)
    trained, averaged = (
        {name.removeprefix(f"{part}."): value for name, value in state.items() if name.startswith(f"{part}.")}
        for part in ("model", "average")
    )
    assert trained and all(torch.equal(value, averaged[name]) for name, value in trained.items())
    assert all(bool(value.isfinite().all()) for value in model.state_dict().values())
