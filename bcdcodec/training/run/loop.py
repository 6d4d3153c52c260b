"""The training run of the whole model. In: a preset and a latent cache. Out: a run folder that the same command
resumes.

RUN/config.json  the model     RUN/last.safetensors  the checkpoint     and what reports.py leaves
"""

import copy
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from bcdcodec.atomic import write_text
from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.warp import Autoencoder
from bcdcodec.training.codebooks.kmeans_init import fit_clusters
from bcdcodec.training.codebooks.pca_init import fit_codebooks
from bcdcodec.training.data.sampler import CONTENT_FRAMES, ClipCache, CrossDrivenBatch, CrossDrivenSampler
from bcdcodec.training.objective.losses import LossReport, bcd_loss
from bcdcodec.training.objective.schedule import Codes, Schedule
from bcdcodec.training.run.checkpoint import load_checkpoint, save_checkpoint
from bcdcodec.training.run.distributed import init_distributed
from bcdcodec.training.run.ema import update_ema
from bcdcodec.training.run.reports import RunReports
from bcdcodec.training.run.samples import condition_errors, sample_sheet
from bcdcodec.training.run.sharding import SINGLE_PROCESS, ProcessShard

logger = logging.getLogger(__name__)
GRADIENT_LIMIT = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """Where and how long. `report_every`, `sheet_every` and `save_every` are in optimiser steps. init: parameters to
    start from.

    codes: what becomes of them (schedule.py). device: what the networks run on; batches and
    noise are drawn on the CPU. precision: fp32 or bf16; bf16 halves the time where the processor has instructions for
    it, and blurs what turns on a fraction of a pixel. compiled: the two transformers go through `torch.compile`, which
    takes minutes at first and needs a C++ compiler.
    """

    run: Path
    cache: Path
    steps: int
    seed: int = 0
    precision: str = "fp32"
    compiled: bool = False
    device: torch.device = torch.device("cpu")  # noqa: RUF009 - immutable
    codes: Codes = "learn"
    init: dict[str, Tensor] | None = None
    report_every: int = 100
    sheet_every: int = 1000
    save_every: int = 250


def train(
    config: ModelConfig,
    options: TrainOptions,
    *,
    vae: Autoencoder | None,
    progress: Callable[[int], None] = lambda step: None,
) -> Bcd:
    """Run or resume a training run to `options.steps` and return the averaged model, in evaluation mode. Started by a
    launcher of several processes it shares every batch among them, and learns what one would. ConfigError for a run of
    another configuration, and for batches that cannot be shared evenly.
    """
    workers = init_distributed(batch=config.optim.batch)
    share = ProcessShard(workers.process_index, workers.num_processes)
    device = workers.device if share.count > 1 else options.device
    schedule = Schedule.of(config, options.steps, codes=options.codes)
    check_shares(schedule, config, share)
    options.run.mkdir(parents=True, exist_ok=True)
    written = options.run / "config.json"
    if written.exists() and ModelConfig.from_json(written.read_text()) != config:
        raise ConfigError(f"{options.run} is a run of another configuration; take a new folder")
    workers.wait_for_everyone()
    if workers.is_main_process:
        write_text(written, config.to_json())
    torch.manual_seed(options.seed)
    model = Bcd(config).train()
    if options.init is not None:
        model.load_state_dict(options.init)
    model.to(device)
    if isinstance(vae, nn.Module):
        vae.to(device)
    average = copy.deepcopy(model)
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
    if not share.agrees(torch.tensor(float(first), device=device)):
        raise ConfigError(f"processes see different checkpoints in {options.run}; all machines must share that folder")
    if options.compiled:
        model.encoder.t5.compile()  # type: ignore[no-untyped-call]
        model.dit.compile()  # type: ignore[no-untyped-call]
    sampler = CrossDrivenSampler(
        ClipCache(options.cache, config),
        batch=config.optim.batch,
        content_frames=CONTENT_FRAMES,
        motion_frames=config.window_frames + config.context_frames,
        seed=options.seed,
        across_clips=config.optim.across_clips,
        cross_driven=config.optim.cross_driven,
    )
    reports = RunReports(options.run, first=first) if workers.is_main_process else None
    for step in range(first, options.steps):
        if step == schedule.coded_from > 0:
            _lay_out_codebooks(model, average, optimizer, sampler)
            share.copy_from_first(model, average)
        if step == schedule.denoiser_from > 0:
            # The denoiser repairs what the parts that ship leave over, which are the averages.
            model.load_state_dict({**average.state_dict(), **_named(model.dit, "dit.")})
            average.dit.load_state_dict(model.dit.state_dict())
        batch = sampler.draw(step, share).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=options.precision == "bf16"):
            report = step_loss(model, batch, step=step, schedule=schedule, seed=options.seed, vae=vae, share=share)
        train_step(model, average, optimizer, report, step=step, schedule=schedule, share=share)
        if reports is None:
            continue
        if (step + 1) % options.report_every == 0 or step + 1 == options.steps:
            whole = batch if share.count == 1 else sampler.draw(step).to(device)
            reports.write(step + 1, report, condition_errors(model, whole, vae))
        if (step + 1) % options.sheet_every == 0 or step + 1 == options.steps:
            reports.write_sheet(step + 1, sample_sheet(average, sampler.draw(0).to(device), vae))
        if (step + 1) % options.save_every == 0 or step + 1 == options.steps:
            save_checkpoint(last, step=step + 1, model=model, average=average, optimizer=optimizer)
        progress(step + 1)
    if reports is not None:
        reports.close()
    workers.wait_for_everyone()
    return average.eval()


def check_shares(schedule: Schedule, config: ModelConfig, share: ProcessShard) -> None:
    """ConfigError unless every process has as many rows as the others, in every phase."""
    if share.count == 1:
        return
    batch, last = config.optim.batch, schedule.steps - 1
    temporal = math.ceil(schedule.phase_2_from * schedule.steps)
    steps = {0, 1, 2, schedule.coded_from, schedule.denoiser_from, temporal, last}  # where phases begin
    sizes = {batch} | {schedule.objective(config, step).clips for step in steps if step <= last}
    uneven = sorted(size for size in sizes if size % share.count)
    if uneven:
        raise ConfigError(
            f"{share.count} processes cannot share {uneven[0]} clips evenly; batches have {batch}, of which "
            f"{', '.join(map(str, sorted(sizes)))} are decoded"
        )


def _lay_out_codebooks(model: Bcd, average: Bcd, optimizer: torch.optim.Optimizer, sampler: CrossDrivenSampler) -> None:
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
    model: Bcd,
    batch: CrossDrivenBatch,
    *,
    step: int,
    schedule: Schedule,
    seed: int,
    vae: Autoencoder | None,
    share: ProcessShard = SINGLE_PROCESS,
) -> LossReport:
    """The objective of one step; all randomness derives from (seed, step)."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    return bcd_loss(model, batch, schedule.objective(model.config, step), generator, vae, share=share)


def train_step(
    model: Bcd,
    average: Bcd,
    optimizer: torch.optim.Optimizer,
    report: LossReport,
    *,
    step: int,
    schedule: Schedule,
    share: ProcessShard = SINGLE_PROCESS,
) -> None:
    """One optimiser step and one update of the moving average."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * schedule.rate_factor(step, denoiser=group["denoiser"])
    optimizer.zero_grad()
    report.total.backward()  # type: ignore[no-untyped-call]
    share.average_gradients([*model.parameters()])
    nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_LIMIT)
    optimizer.step()
    # The memory is short at first, and the denoiser's first may come late.
    update_ema(average.dit, model.dit, max(0, step - schedule.denoiser_from))
    for part in ("encoder", "quantizer", "anchor", "face_points", "face_places"):
        if getattr(model, part) is not None and schedule.moves_encoder(step):
            update_ema(getattr(average, part), getattr(model, part), step)


def _named(module: nn.Module, prefix: str) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in module.state_dict().items()}
