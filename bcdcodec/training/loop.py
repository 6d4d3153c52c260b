"""The training run of the whole model. In: a preset and a latent cache. Out: a run folder that the same command
resumes.

RUN/config.json  the model     RUN/metrics.jsonl  one line a report     RUN/last.safetensors  the checkpoint
"""

import copy
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError
from bcdcodec.model.anchor import Autoencoder
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.content import Content
from bcdcodec.model.vae import from_uint8
from bcdcodec.training.checkpoint import load_checkpoint, save_checkpoint
from bcdcodec.training.clusters import fit_clusters
from bcdcodec.training.codebooks import fit_codebooks
from bcdcodec.training.data import CONTENT_FRAMES, ClipCache, HalvesBatch, HalvesSampler
from bcdcodec.training.losses import LossReport, bcd_loss
from bcdcodec.training.schedule import Codes, Schedule

logger = logging.getLogger(__name__)
AVERAGE_DECAY = 0.999
GRADIENT_LIMIT = 1.0
#: Noise level at which the use of the conditions is measured: the noisy picture itself shows nothing there.
PROBE_SIGMA = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """Where and how long. `report_every` and `save_every` are in optimiser steps. init: parameters to start from.

    codes: whether they are learned, laid out anew or kept (schedule.py). device: what the networks run on; batches and
    noise are drawn on the CPU. precision: fp32 or bf16; bf16 halves the time where the processor has instructions for
    it, and blurs what turns on a fraction of a pixel.
    """

    run: Path
    cache: Path
    steps: int
    seed: int = 0
    precision: str = "fp32"
    device: torch.device = torch.device("cpu")  # noqa: RUF009 - immutable
    codes: Codes = "learn"
    init: dict[str, Tensor] | None = None
    report_every: int = 100
    save_every: int = 250


def train(
    config: ModelConfig,
    options: TrainOptions,
    *,
    vae: Autoencoder | None,
    progress: Callable[[int], None] = lambda step: None,
) -> Bcd:
    """Run or resume a training run to `options.steps` and return the averaged model, in evaluation mode."""
    options.run.mkdir(parents=True, exist_ok=True)
    written = options.run / "config.json"
    if written.exists() and ModelConfig.from_json(written.read_text()) != config:
        raise ConfigError(f"{options.run} is a run of another configuration; take a new folder")
    written.write_text(config.to_json())
    torch.manual_seed(options.seed)
    model = Bcd(config).train()
    if options.init is not None:
        model.load_state_dict(options.init)
    model.to(options.device)
    if isinstance(vae, nn.Module):
        vae.to(options.device)
    average = copy.deepcopy(model)
    schedule = Schedule.of(config, options.steps, codes=options.codes)
    if schedule.tell_codes:
        for part in (model.quantizer, model.face_points, model.anchor, model.dit):
            if part is not None:
                part.requires_grad_(False)
    optimizer = make_optimizer(model, config)
    last = options.run / "last.safetensors"
    first = 0
    if last.exists():
        first = load_checkpoint(last, model=model, average=average, optimizer=optimizer)
        logger.info("resuming %s at step %d", options.run, first)
    sampler = HalvesSampler(
        ClipCache(options.cache, config),
        batch=config.optim.batch,
        content_frames=CONTENT_FRAMES,
        motion_frames=config.window_frames + config.context_frames,
        seed=options.seed,
        across_clips=config.optim.across_clips,
    )
    began = time.monotonic()
    for step in range(first, options.steps):
        if step == schedule.coded_from > 0:
            _lay_out_codebooks(model, average, optimizer, sampler)
        if step == schedule.denoiser_from > 0:
            # The denoiser repairs what the parts that ship leave over, which are the averages.
            model.load_state_dict({**average.state_dict(), **_named(model.dit, "dit.")})
            average.dit.load_state_dict(model.dit.state_dict())
        batch = sampler.draw(step).to(options.device)
        with torch.autocast(options.device.type, torch.bfloat16, enabled=options.precision == "bf16"):
            report = step_loss(model, batch, step=step, schedule=schedule, seed=options.seed, vae=vae)
        train_step(model, average, optimizer, report, step=step, schedule=schedule)
        if (step + 1) % options.report_every == 0 or step + 1 == options.steps:
            rate = (step + 1 - first) / (time.monotonic() - began)
            _write_report(options.run, model, batch, report, vae, step=step + 1, steps_per_second=rate)
        if (step + 1) % options.save_every == 0 or step + 1 == options.steps:
            save_checkpoint(last, step=step + 1, model=model, average=average, optimizer=optimizer)
        progress(step + 1)
    return average.eval()


def _lay_out_codebooks(model: Bcd, average: Bcd, optimizer: torch.optim.Optimizer, sampler: HalvesSampler) -> None:
    """Coding begins: the averages are what it is laid out over, and both go on from there."""
    model.load_state_dict(average.state_dict())
    replaced: list[Tensor] = [model.quantizer.codebook]
    device = model.quantizer.codebook.device
    model.cpu()  # small systems of equations in double precision
    if model.face_points is None:
        fit_clusters(model, sampler)
    else:
        fit_codebooks(model, sampler)
        replaced += [model.encoder.motion_head.weight, model.face_points.weight]
    model.to(device)
    average.load_state_dict(model.state_dict())
    for parameter in replaced:
        optimizer.state.pop(parameter, None)  # type: ignore[call-overload] # moments of what is no more


def make_optimizer(model: Bcd, config: ModelConfig) -> torch.optim.AdamW:
    """AdamW with the table's two learning rates: one for the denoiser, one for everything else."""
    optim = config.optim
    moving = [part for part in (model.anchor, model.face_points, model.face_places) if part is not None]
    parts = [
        ([*model.dit.parameters()], optim.learning_rate, True),
        ([parameter for part in moving for parameter in part.parameters()], optim.learning_rate, False),
        ([*model.encoder.parameters(), *model.quantizer.parameters()], optim.encoder_learning_rate, False),
    ]
    groups = [
        {"params": parameters, "lr": peak, "peak": peak, "denoiser": denoiser}
        for parameters, peak, denoiser in parts
        if parameters
    ]
    return torch.optim.AdamW(groups, betas=optim.betas, weight_decay=optim.weight_decay)


def step_loss(
    model: Bcd, batch: HalvesBatch, *, step: int, schedule: Schedule, seed: int, vae: Autoencoder | None
) -> LossReport:
    """The objective of one step; all randomness derives from (seed, step)."""
    torch.manual_seed(seed * 1_000_003 + step)  # the Gumbel noise
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    return bcd_loss(model, batch, schedule.objective(model.config, step), generator, vae)


def train_step(
    model: Bcd, average: Bcd, optimizer: torch.optim.Optimizer, report: LossReport, *, step: int, schedule: Schedule
) -> None:
    """One optimiser step and one update of the moving average."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * schedule.rate_factor(step, denoiser=group["denoiser"])
    optimizer.zero_grad()
    report.total.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_LIMIT)
    optimizer.step()
    # The memory is short at first, and the denoiser's first may come late.
    update_average(average.dit, model.dit, max(0, step - schedule.denoiser_from))
    for part in ("encoder", "quantizer", "anchor", "face_points", "face_places"):
        if getattr(model, part) is not None and schedule.moves_encoder(step):
            update_average(getattr(average, part), getattr(model, part), step)


def _named(module: nn.Module, prefix: str) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in module.state_dict().items()}


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, step: int) -> None:
    """Exponential moving average with a short memory at first; buffers (running moments) are copied."""
    decay = min(AVERAGE_DECAY, (1 + step) / (10 + step))
    mine: list[Tensor] = list(average.parameters())
    theirs: list[Tensor] = list(model.parameters())
    torch._foreach_lerp_(mine, theirs, 1 - decay)
    for a, b in zip(average.buffers(), model.buffers(), strict=True):
        a.copy_(b)


@torch.no_grad()
def condition_errors(model: Bcd, batch: HalvesBatch, vae: Autoencoder | None) -> dict[str, float]:
    """Error of the denoised output at PROBE_SIGMA with true, swapped and dropped conditions; their gap is what is
    learned.
    """
    model.eval()
    # A few clips and frames tell enough.
    few = slice(4)
    mapped = model.encoder.content(batch.content)
    m_hat = model.quantizer(model.encoder.motion(batch.motion, mapped)).m_hat[few, ::3]
    z = batch.motion[few, ::3]
    content = Content(mapped[few], None if batch.faces is None else from_uint8(batch.faces.picture[few]))
    other = Content(content.map.roll(1, 0), None if content.picture is None else content.picture.roll(1, 0))
    sigma = z.new_full(z.shape[:2], PROBE_SIGMA)
    noise = torch.randn(z.shape, generator=torch.Generator().manual_seed(0))
    x = z + PROBE_SIGMA * noise.to(z.device)
    keep = torch.ones(len(z), dtype=torch.bool, device=z.device)

    def error(c: Content, m: Tensor, kept: Tensor) -> float:
        anchors = model.anchors(c, m, vae).latents
        denoised = model.denoise(x, sigma, c.map, m, anchors=anchors, keep=kept, temporal=False)
        return float((denoised - z).square().mean())

    errors = {
        "true": error(content, m_hat, keep),
        "other_motion": error(content, m_hat.roll(1, 0), keep),
        "other_content": error(other, m_hat, keep),
        "none": error(content, m_hat, ~keep),
        "content_alone": float((content.map[:, None] - z).square().mean()),
        "anchor": float((model.anchors(content, m_hat, vae).latents - z).square().mean()),
    }
    model.train()
    return errors


def _write_report(
    run: Path,
    model: Bcd,
    batch: HalvesBatch,
    report: LossReport,
    vae: Autoencoder | None,
    *,
    step: int,
    steps_per_second: float,
) -> None:
    line = {
        "step": step,
        "loss": float(report.denoising),
        "anchor_loss": float(report.anchoring),
        "error": float(report.error),
        "bits_per_code": None if report.entropy_bits is None else float(report.entropy_bits.mean()),
        "used_codes": None if report.used_codes is None else float(report.used_codes),
        "probe": {name: round(value, 4) for name, value in condition_errors(model, batch, vae).items()},
        "steps_per_second": round(steps_per_second, 3),
    }
    with (run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    logger.info("%s", line)
