"""A batch in parts gives the gradients of the whole one."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bcdcodec.config import ModelConfig
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.vae import Vae
from bcdcodec.training.data.batch import CrossDrivenBatch
from bcdcodec.training.data.clips import ClipCache
from bcdcodec.training.data.sampler import CrossDrivenSampler
from bcdcodec.training.objective.losses import LossReport, bcd_loss
from bcdcodec.training.objective.phase import Phase
from bcdcodec.training.objective.schedule import Schedule
from bcdcodec.training.run.accumulation import accumulate_gradients
from bcdcodec.training.run.sharding import SINGLE_PROCESS, ProcessShard

BATCH = 4


def gradients(
    config: ModelConfig, cache: Path, phase: Phase, parts: int, *, temporal: bool
) -> tuple[dict[str, torch.Tensor], LossReport, dict[str, torch.Tensor]]:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model, vae = Bcd(config).train(), None
    if config.vae is not None:
        vae = Vae(config.vae).eval().requires_grad_(False)
    with torch.no_grad():  # layers that start at zero would pass no gradients on
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
        for name, value in model.named_buffers():
            if name == "quantizer.usage":  # of earlier batches, which every part must find
                value.fill_(1 / config.quantizer.entries)
    objective = replace(
        Schedule.of(config, 50).objective(config, 0),
        phase=phase,
        clips=BATCH // 2 if temporal else BATCH,
        temporal=temporal,
        landmark_dropout=0.5,
    )
    batch = CrossDrivenSampler.of(ClipCache(cache, config), config, seed=0).draw(3)

    def loss(rows: CrossDrivenBatch, share: ProcessShard) -> LossReport:
        return bcd_loss(model, rows, objective, torch.Generator().manual_seed(1), vae, share=share)

    report = accumulate_gradients(model, loss, batch, SINGLE_PROCESS, parts)
    found = {name: value.grad for name, value in model.named_parameters() if value.grad is not None}
    return found, report, {name: value.clone() for name, value in model.named_buffers()}


@pytest.mark.parametrize(
    ("phase", "temporal"),
    [(Phase.LANDMARKS, False), (Phase.WARPING, False), (Phase.DENOISER, True), (Phase.JOINT, True)],
)
@pytest.mark.parametrize("input_std", [None, 0.58])
def test_parts_give_the_gradients_of_the_whole(
    clip_cache: Path, tiny_config: ModelConfig, phase: Phase, temporal: bool, input_std: float | None
) -> None:
    config = replace(
        tiny_config,
        optim=replace(tiny_config.optim, batch=BATCH, rate_weight=4.0, content_weight=0.1),
        quantizer=replace(
            tiny_config.quantizer, input_std=input_std, temporal_rate=True, usage_batches=1 if input_std is None else 4
        ),
    )
    if phase is Phase.JOINT:
        config = replace(config, denoiser=replace(config.denoiser, warp_blocks=0, landmarks=0))
    whole, report, buffers = gradients(config, clip_cache, phase, 1, temporal=temporal)
    found, reported, changed = gradients(config, clip_cache, phase, 2, temporal=temporal)
    assert found.keys() == whole.keys() and whole
    for name, value in whole.items():
        assert float((found[name] - value).norm()) <= 1e-4 * float(value.norm()) + 1e-7, name
    for name, value in buffers.items():
        torch.testing.assert_close(changed[name], value, rtol=1e-4, atol=1e-6, msg=name)
    for field in ("total", "denoising", "warping", "error", "entropy_bits", "used_codes"):
        one, two = getattr(report, field), getattr(reported, field)
        assert (one is None) == (two is None)
        if one is not None:
            torch.testing.assert_close(two, one.detach(), rtol=1e-4, atol=1e-6)


def test_the_rate_of_a_part_alone_is_another_one(clip_cache: Path, tiny_config: ModelConfig) -> None:
    """What the first pass is for: averaged over the parts, entropies of a part each are too small."""
    config = replace(
        tiny_config,
        optim=replace(tiny_config.optim, batch=BATCH),
        quantizer=replace(tiny_config.quantizer, input_std=None),
        denoiser=replace(tiny_config.denoiser, warp_blocks=0, landmarks=0),
    )
    _, report, _ = gradients(config, clip_cache, Phase.JOINT, 1, temporal=False)
    _, divided, _ = gradients(config, clip_cache, Phase.JOINT, 4, temporal=False)
    small = replace(config, optim=replace(config.optim, batch=1))
    _, alone, _ = gradients(small, clip_cache, Phase.JOINT, 1, temporal=False)
    assert report.entropy_bits is not None and divided.entropy_bits is not None and alone.entropy_bits is not None
    assert float(alone.entropy_bits.mean()) < 0.98 * float(report.entropy_bits.mean())
    torch.testing.assert_close(divided.entropy_bits, report.entropy_bits, rtol=1e-4, atol=1e-6)
