"""Codebooks laid out over planted movements: codes then tell pose and mouth at the bits that were asked for."""

from dataclasses import replace

import pytest
import torch

from bcdcodec.config import ModelConfig
from bcdcodec.model.bcd import Bcd
from bcdcodec.training.codebooks import pca_init
from bcdcodec.training.codebooks.landmark_probe import LandmarkSamples
from bcdcodec.training.codebooks.pca_init import allocate_codebooks, fit_codebooks
from bcdcodec.training.objective.warping import shapes
from bcdcodec.video.landmarks import MOUTH, POINTS

FRAMES, WIDTH = 3000, 16


@pytest.fixture
def planted() -> LandmarkSamples:
    """A large pose with long tails and a small opening of the mouth; states that know both, and one thing more."""
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(FRAMES, WIDTH, generator=generator)
    hidden[:, :2] *= torch.exp(0.5 * torch.randn(FRAMES, 1, generator=generator))  # some people move more
    moved = 0.05 * hidden[:, None, :2].repeat(1, POINTS, 1)
    moved[:, list(MOUTH[::2]), 1] += 0.003 * hidden[:, 2, None]
    mixing = torch.randn(WIDTH, WIDTH, generator=generator)
    return LandmarkSamples(hidden @ mixing, moved, torch.arange(FRAMES) > 0)


def model(config: ModelConfig, *, target_bits: float = 2.0) -> Bcd:
    torch.manual_seed(0)
    quantizer = replace(config.quantizer, entries=32, input_std=None, target_bits_per_group=target_bits)
    return Bcd(replace(config, quantizer=quantizer)).eval()


def test_codes_tell_the_pose_and_the_mouth(
    planted: LandmarkSamples, tiny_config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pca_init, "gather_landmark_samples", lambda bcd, sampler, batches: planted)
    bcd = model(tiny_config)
    fit_codebooks(bcd, None)  # type: ignore[arg-type]
    truth = planted.displacements
    with torch.no_grad():
        m = bcd.encoder.motion_of_states(planted.states[:, None], truth[:, None])
        found = bcd.landmark_displacements(bcd.quantizer(m).m_hat)[:, 0]
    assert float((found - truth).norm(dim=-1).mean()) < 0.08 * float(truth.norm(dim=-1).mean())
    wrong, shape = shapes(found - truth), shapes(truth)
    assert float(wrong.norm(dim=-1).mean()) < 0.25 * float(shape.norm(dim=-1).mean())


def test_what_only_latents_show_gets_the_groups_that_are_left(
    planted: LandmarkSamples, tiny_config: ModelConfig
) -> None:
    """Of the states, what landmarks say already is subtracted."""
    lines = allocate_codebooks(model(tiny_config).config.quantizer, planted)
    moved, states = planted.displacements.flatten(1).double(), planted.states.double()
    used = [index for index, line in enumerate(lines) if bool(line.states.any())]
    assert 1 < len(used) < len(lines) and used == [*range(used[0], used[-1] + 1)]
    assert all(bool(line.landmarks.any()) for line in lines[: used[0]])
    rest = [lines[index] for index in used]
    for line in rest:
        along = moved @ line.landmarks + states @ line.states
        for component in (moved[:, 0], moved[:, 1], moved[:, MOUTH[2] * 2 + 1] - moved[:, 3]):
            assert abs(float(torch.corrcoef(torch.stack([along, component]))[0, 1])) < 0.05


@pytest.mark.parametrize("target_bits", [0.8, 1.2, 1.8])
def test_codes_cost_what_they_should(planted: LandmarkSamples, tiny_config: ModelConfig, target_bits: float) -> None:
    """The target is met by the cheaper of two counts: of the codes, and of their changes."""
    lines = allocate_codebooks(model(tiny_config, target_bits=target_bits).config.quantizer, planted)
    assert len(lines) == tiny_config.quantizer.groups
    moved, states, bits = planted.displacements.flatten(1).double(), planted.states.double(), 0.0
    for line in lines:
        assert len(line.entries) == 32 and bool((line.entries.diff() > 0).all())
        nearest = (moved @ line.landmarks + states @ line.states)[:, None].sub(line.entries).abs().argmin(1)
        share = nearest.bincount(minlength=32) / len(states)
        bits -= float((share * share.clamp(min=1e-12).log2()).sum())
    assert 0.85 * target_bits < bits / len(lines) <= target_bits


def test_steady_motion_is_cheap(planted: LandmarkSamples, tiny_config: ModelConfig) -> None:
    """Frames that resemble the one before get finer entries for the same bits."""
    config = replace(model(tiny_config, target_bits=0.6).config.quantizer, temporal_rate=True)
    order = planted.displacements[:, 0].sum(-1).argsort()
    steady = LandmarkSamples(planted.states[order], planted.displacements[order], planted.follows)
    spacing, finer = (
        float(allocate_codebooks(config, samples)[0].entries.diff().min()) for samples in (planted, steady)
    )
    assert finer < 0.9 * spacing
