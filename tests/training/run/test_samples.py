"""Sheets and probes of a model in training."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bcdcodec.config import ModelConfig
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.vae import Vae, from_uint8, to_uint8
from bcdcodec.training.data.batch import CrossDrivenBatch
from bcdcodec.training.data.clips import ClipCache
from bcdcodec.training.data.sampler import CrossDrivenSampler
from bcdcodec.training.run.samples import CLIPS, COLUMNS, condition_errors, sample_sheet


@pytest.fixture
def batch(clip_cache: Path, tiny_config: ModelConfig) -> CrossDrivenBatch:
    cache = ClipCache(clip_cache, tiny_config)
    return CrossDrivenSampler(cache, batch=6, content_frames=4, motion_frames=5, seed=0).draw(0)


@pytest.fixture
def vae(tiny_config: ModelConfig) -> Vae:
    assert tiny_config.vae is not None
    torch.manual_seed(0)
    return Vae(tiny_config.vae).eval().requires_grad_(False)


def test_a_sheet_shows_source_rebuilt_and_transferred(
    batch: CrossDrivenBatch, vae: Vae, tiny_config: ModelConfig
) -> None:
    torch.manual_seed(0)
    model, side = Bcd(tiny_config).train(), tiny_config.pixels
    sheet = torch.from_numpy(sample_sheet(model, batch, vae))
    assert model.training
    assert sheet.shape == (CLIPS * 3 * side, (1 + COLUMNS) * side, 3)
    cells = sheet.view(CLIPS, 3, side, 1 + COLUMNS, side, 3).permute(0, 1, 3, 2, 4, 5)
    assert batch.faces is not None
    stills = to_uint8(from_uint8(batch.faces.picture[:CLIPS])).permute(0, 2, 3, 1)
    for clip in range(CLIPS):
        assert torch.equal(cells[clip, 0, 0], stills[clip]) and torch.equal(cells[clip, 1, 0], stills[clip])
        assert torch.equal(cells[clip, 2, 0], stills[clip - 1])  # somebody else's
    assert torch.equal(cells[1, 0, 1], to_uint8(vae.decode(batch.motion[1, :1]).clamp(-1, 1))[0].permute(1, 2, 0))
    # A warper that has learned nothing holds the content still.
    held = (cells[:, 1, 1:].float() - cells[:, 1, :1].float()).abs().mean()
    apart = (cells[:, 1, 1:].float() - cells[:, 2, 1:].float()).abs().mean()
    assert held < apart


def test_a_model_without_a_warper_has_a_sheet(batch: CrossDrivenBatch, vae: Vae, tiny_config: ModelConfig) -> None:
    paper = replace(tiny_config, denoiser=replace(tiny_config.denoiser, warp_blocks=0, landmarks=0))
    plain = CrossDrivenBatch(batch.content, batch.motion, None)
    assert sample_sheet(Bcd(paper), plain, vae).shape == (CLIPS * 3 * 256, (1 + COLUMNS) * 256, 3)


def test_errors_tell_conditions_apart(batch: CrossDrivenBatch, vae: Vae, tiny_config: ModelConfig) -> None:
    torch.manual_seed(0)
    model = Bcd(tiny_config).train()
    errors = condition_errors(model, batch, vae)
    assert model.training
    assert set(errors) == {"true", "other_motion", "other_content", "none", "content_alone", "warped"}
    assert errors["true"] < errors["other_content"]
    # Nothing is learned yet: what is rebuilt from is the content held still.
    assert errors["true"] == pytest.approx(errors["warped"], rel=0.5)
    assert condition_errors(model, batch, vae) == errors
