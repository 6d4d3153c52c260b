"""The loss of one update: where the denoiser is trained alone, and where the encoder is."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bcdcodec.config import ModelConfig
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.vae import Vae
from bcdcodec.training.data.sampler import ClipCache, CrossDrivenSampler
from bcdcodec.training.objective import warping
from bcdcodec.training.objective.losses import LossReport, bcd_loss
from bcdcodec.training.objective.phase import Phase
from bcdcodec.training.objective.schedule import Schedule
from bcdcodec.training.options import Trained


def test_frozen_codes_do_not_depend_on_the_precision(clip_cache: Path, tiny_config: ModelConfig) -> None:
    """A decoder has them in full precision, whatever the denoiser is trained in."""
    torch.manual_seed(0)
    model = Bcd(tiny_config)
    assert tiny_config.vae is not None
    vae = Vae(tiny_config.vae).eval().requires_grad_(False)
    frames = tiny_config.window_frames + tiny_config.context_frames
    sampler = CrossDrivenSampler(
        ClipCache(clip_cache, tiny_config), batch=2, content_frames=4, motion_frames=frames, seed=0
    )
    frozen = Schedule.of(tiny_config, 100, train="denoiser").objective(tiny_config, 0)

    def loss(*, frozen_encoder: bool, bf16: bool) -> LossReport:
        torch.manual_seed(0)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            objective = replace(frozen, phase=Phase.DENOISER if frozen_encoder else Phase.JOINT)
            return bcd_loss(model, sampler.draw(0), objective, torch.Generator().manual_seed(0), vae)

    exact, half = loss(frozen_encoder=True, bf16=False), loss(frozen_encoder=True, bf16=True)
    assert exact.entropy_bits is not None
    assert half.entropy_bits is not None
    assert torch.equal(exact.entropy_bits, half.entropy_bits)
    assert not torch.equal(exact.denoising, half.denoising)
    learned = loss(frozen_encoder=False, bf16=True)
    assert learned.entropy_bits is not None
    assert not torch.equal(exact.entropy_bits, learned.entropy_bits)


@pytest.mark.parametrize("trained", ["all", "denoiser", "encoder", "warper"])
@pytest.mark.parametrize("done", [0.1, 0.6, 0.9])
def test_the_loss_stays_on_the_device_of_the_networks(
    clip_cache: Path, tiny_config: ModelConfig, trained: Trained, done: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The meta device computes shapes alone and refuses tensors that live elsewhere, as a GPU would."""
    place = torch.device("meta")
    monkeypatch.setattr(torch, "autocast", lambda *arguments, **options: nullcontext())  # knows no such device
    monkeypatch.setattr(warping, "teacher_flow", lambda a, b, size: b.new_zeros((*b.shape[:2], 2, size, size)))
    assert tiny_config.vae is not None
    model, vae = Bcd(tiny_config).to(place), Vae(tiny_config.vae).requires_grad_(False).to(place)
    frames = tiny_config.window_frames + tiny_config.context_frames
    sampler = CrossDrivenSampler(
        ClipCache(clip_cache, tiny_config), batch=2, content_frames=4, motion_frames=frames, seed=0
    )
    objective = Schedule.of(tiny_config, 100, train=trained).objective(tiny_config, round(100 * done))
    report = bcd_loss(model, sampler.draw(0).to(place), objective, torch.Generator().manual_seed(0), vae)
    report.total.backward()
    tensors = [report.total, report.denoising, report.warping, report.error, report.entropy_bits, report.used_codes]
    assert {tensor.device for tensor in tensors if tensor is not None} == {place}
    assert any(parameter.grad is not None for parameter in model.parameters())


def test_nested_codes_are_hidden_from_the_denoiser(clip_cache: Path, tiny_config: ModelConfig) -> None:
    """The first so many groups of each clip are shown, so many as drawn; without the switch all are."""
    config = replace(tiny_config, optim=replace(tiny_config.optim, nested_groups=(4, 16), batch=8))
    torch.manual_seed(0)
    model, seen = Bcd(config), list[torch.Tensor]()
    frames = config.window_frames + config.context_frames
    sampler = CrossDrivenSampler(ClipCache(clip_cache, config), batch=8, content_frames=4, motion_frames=frames, seed=0)
    objective = Schedule.of(config, 100).objective(config, 60)
    assert objective.phase is Phase.WARPING

    def flow(content: torch.Tensor, m_hat: torch.Tensor, landmarks: torch.Tensor) -> torch.Tensor:
        seen.append(m_hat.unflatten(-1, (config.quantizer.groups, -1)).abs().amax((1, 3)) > 0)  # [B, G]
        return m_hat.new_zeros(*m_hat.shape[:2], 2, 64, 64)

    model.flow = flow  # type: ignore[method-assign]
    for changed in (config, tiny_config):
        model.config = changed
        bcd_loss(model, sampler.draw(0), objective, torch.Generator().manual_seed(0), None)
    hidden, whole = seen
    counts = hidden.sum(1).tolist()
    assert set(counts) == {4, 16, 32} and bool(whole.all())
    assert all(bool(row[:count].all()) for row, count in zip(hidden, counts, strict=True))


def test_an_encoder_is_fine_tuned_with_hard_codes(clip_cache: Path, tiny_config: ModelConfig) -> None:
    """No draw of codes and no rate come between what it says and what a stream would have."""
    torch.manual_seed(0)
    model = Bcd(tiny_config)
    frames = tiny_config.window_frames + tiny_config.context_frames
    sampler = CrossDrivenSampler(
        ClipCache(clip_cache, tiny_config), batch=2, content_frames=4, motion_frames=frames, seed=0
    )
    objective = Schedule.of(tiny_config, 100, train="encoder").objective(tiny_config, 1)
    assert objective.phase is Phase.ENCODER and objective.phase.hard_codes
    assert not objective.phase.computes_flow and not objective.phase.trains_denoiser

    def loss(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return bcd_loss(model, sampler.draw(0), objective, torch.Generator().manual_seed(seed), None).total

    first = loss(0)
    assert torch.equal(first, loss(1))
    first.backward()
    gradient = model.encoder.motion_head.weight.grad
    assert gradient is not None and bool(gradient.any())
