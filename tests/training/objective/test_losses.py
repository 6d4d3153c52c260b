"""The loss of one update: where the denoiser is trained alone, and where the encoder is."""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from bcdcodec.config import ModelConfig
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.content import straight_through
from bcdcodec.model.edm import loss_weight
from bcdcodec.model.vae import Vae
from bcdcodec.training.data.batch import CrossDrivenBatch
from bcdcodec.training.data.clips import ClipCache
from bcdcodec.training.data.sampler import CrossDrivenSampler
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


@pytest.fixture
def paper_config(tiny_config: ModelConfig) -> ModelConfig:
    """Without a warper and context, with the paper's content and noise, four frames a window."""
    return replace(
        tiny_config,
        context_frames=0,
        encoder=replace(tiny_config.encoder, seeded_queries=False),
        denoiser=replace(tiny_config.denoiser, warp_blocks=0, landmarks=0, shared_noise=False),
        optim=replace(tiny_config.optim, quantized_content=False, full_batch=True),
        content=replace(tiny_config.content, picture_bits=0),
    )


@dataclass
class Seen:
    """What the denoiser was given: x and z [B, T, C, H, W], sigma [B, T], content [B, C, H, W], masks [B]."""

    x: torch.Tensor
    sigma: torch.Tensor
    content: torch.Tensor
    mask: torch.Tensor


def updates(config: ModelConfig, count: int, *, clips: int = 2, step: int = 0) -> tuple[list[Seen], list[LossReport]]:
    """Losses of a denoiser that returns the true latents plus 0.1; the latents are all 1."""
    config = replace(config, optim=replace(config.optim, batch=clips))
    torch.manual_seed(0)
    model, seen = Bcd(config), list[Seen]()

    def denoise(
        x: torch.Tensor, sigma: torch.Tensor, content: torch.Tensor, m_hat: torch.Tensor, **options: torch.Tensor
    ) -> torch.Tensor:
        seen.append(Seen(x, sigma, content, options["condition_mask"]))
        return torch.full_like(x, 1.1)

    model.denoise = denoise  # type: ignore[assignment, method-assign]
    z = torch.ones(clips, config.window_frames, 4, 32, 32)
    batch = CrossDrivenBatch(torch.randn(clips, 3, 4, 32, 32), z, None)
    objective = Schedule.of(config, 100).objective(config, step)
    reports = [bcd_loss(model, batch, objective, torch.Generator().manual_seed(seed), None) for seed in range(count)]
    return seen, reports


@pytest.mark.parametrize(("rate", "expected"), [(0.0, 0.0), (0.25, 0.25), (1.0, 1.0)])
def test_conditions_are_dropped_as_often_as_configured(paper_config: ModelConfig, rate: float, expected: float) -> None:
    """Of whole clips, both conditions at once; 480 clips."""
    config = replace(paper_config, optim=replace(paper_config.optim, condition_dropout=rate))
    seen, _ = updates(config, 20, clips=24)
    dropped = 1 - torch.cat([one.mask for one in seen]).float()
    assert len(dropped) == 480 and float(dropped.mean()) == pytest.approx(expected, abs=0.06)


def test_the_denoising_loss_by_hand(paper_config: ModelConfig) -> None:
    """Every value is wrong by 0.1: the loss is 0.01 times the mean of EDM's weights."""
    (seen,), (report,) = updates(paper_config, 1)
    weight = loss_weight(seen.sigma, paper_config.denoiser.sigma_data)
    assert float(report.error) == pytest.approx(0.01, rel=1e-3)
    assert float(report.denoising) == pytest.approx(0.01 * float(weight.mean()), rel=1e-3)


def test_levels_are_of_frames_and_of_windows_once_blocks_mix_them(paper_config: ModelConfig) -> None:
    for step, levels in ((0, 4), (99, 1)):
        (seen,), _ = updates(paper_config, 1, step=step)
        assert [len(row.unique()) for row in seen.sigma] == [levels, levels]


@pytest.mark.parametrize("shared", [False, True])
def test_frames_share_their_noise_where_the_decoder_does(paper_config: ModelConfig, shared: bool) -> None:
    config = replace(paper_config, denoiser=replace(paper_config.denoiser, shared_noise=shared))
    seen, _ = updates(config, 4, clips=8)
    noise = torch.cat([(one.x - 1) / one.sigma[..., None, None, None] for one in seen])
    same = (noise[:, :1] - noise).abs().amax((1, 2, 3, 4)) < 1e-2
    assert 8 < int(same.sum()) < 24 if shared else not same.any()  # half of 32 clips


@pytest.mark.parametrize("quantized", [False, True])
def test_content_is_continuous_or_in_levels(paper_config: ModelConfig, quantized: bool) -> None:
    config = replace(paper_config, optim=replace(paper_config.optim, quantized_content=quantized))
    (seen,), _ = updates(config, 1)
    assert torch.equal(straight_through(seen.content, config.content), seen.content) is quantized


def test_the_full_batch_is_decoded_whole_in_every_phase(paper_config: ModelConfig) -> None:
    for step in (0, 99):
        (seen,), _ = updates(paper_config, 1, step=step)
        assert seen.x.shape[:2] == (2, 4)
    part = replace(paper_config, window_frames=6, optim=replace(paper_config.optim, full_batch=False))
    shapes = [updates(part, 1, step=step)[0][0].x.shape[:2] for step in (0, 99)]
    assert shapes == [(2, 4), (1, 6)]
