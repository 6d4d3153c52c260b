"""Codebooks laid out over planted movements: codes then tell pose and mouth at the bits that were asked for."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from bcdcodec.config import ModelConfig
from bcdcodec.model.bcd import Bcd
from bcdcodec.training.codebooks import pca_init
from bcdcodec.training.codebooks.pca_init import allocate_codebooks, fit_codebooks
from bcdcodec.training.objective.warping import shapes
from bcdcodec.video.landmarks import MOUTH, POINTS

FRAMES, WIDTH = 3000, 16


@pytest.fixture
def planted() -> tuple[Tensor, Tensor]:
    """States of which two numbers carry a large pose with long tails, one a small opening of the mouth, all mixed."""
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(FRAMES, WIDTH, generator=generator)
    hidden[:, :2] *= torch.exp(0.5 * torch.randn(FRAMES, 1, generator=generator))  # some people move more
    moved = torch.zeros(FRAMES, POINTS, 2)
    moved += 5 * hidden[:, None, :2]
    moved[:, list(MOUTH[::2]), 1] += 0.3 * hidden[:, 2, None]
    mixing = torch.randn(WIDTH, WIDTH, generator=generator)
    return hidden @ mixing, moved.flatten(1)


def model(config: ModelConfig, *, target_bits: float = 2.0) -> Bcd:
    torch.manual_seed(0)
    quantizer = replace(config.quantizer, entries=32, input_std=None, target_bits_per_group=target_bits)
    return Bcd(replace(config, quantizer=quantizer)).eval()


def test_codes_tell_the_pose_and_the_mouth(
    planted: tuple[Tensor, Tensor], tiny_config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    states, moved = planted
    monkeypatch.setattr(pca_init, "gather_landmark_motion", lambda bcd, sampler, batches: planted)
    bcd = model(tiny_config)
    fit_codebooks(bcd, None)  # type: ignore[arg-type]
    with torch.no_grad():
        quantized = bcd.quantizer(bcd.encoder.motion_head(states)[:, None])
        found = bcd.landmark_displacements(quantized.m_hat)[:, 0] * 100
    truth = moved.unflatten(-1, (-1, 2))
    assert float((found - truth).norm(dim=-1).mean()) < 0.08 * float(truth.norm(dim=-1).mean())
    wrong, shape = shapes(found - truth), shapes(truth)
    assert float(wrong.norm(dim=-1).mean()) < 0.25 * float(shape.norm(dim=-1).mean())


@pytest.mark.parametrize("target_bits", [1.2, 1.5, 1.8])
def test_codes_cost_what_they_should(
    planted: tuple[Tensor, Tensor], tiny_config: ModelConfig, target_bits: float
) -> None:
    states, moved = planted
    bcd = model(tiny_config, target_bits=target_bits)
    lines = allocate_codebooks(bcd, states, moved)
    assert len(lines) == tiny_config.quantizer.groups
    bits = 0.0
    for line in lines:
        assert len(line.entries) == 32 and bool((line.entries.diff() > 0).all())
        nearest = (states @ line.direction)[:, None].sub(line.entries).abs().argmin(1)
        share = nearest.bincount(minlength=32) / len(states)
        bits -= float((share * share.clamp(min=1e-12).log2()).sum())
    assert 0.85 * target_bits < bits / len(lines) <= target_bits
