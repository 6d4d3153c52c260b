"""The training loop of the codec model: one function from an empty run folder to averaged weights.

Writes what training/run/training_run.py and training/run/reports.py list into the run folder.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from bcdcodec.config import ModelConfig
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.device import tf32
from bcdcodec.model.warp import Autoencoder
from bcdcodec.training.codebooks.kmeans_init import fit_clusters
from bcdcodec.training.codebooks.pca_init import fit_codebooks
from bcdcodec.training.data.batch import CrossDrivenBatch
from bcdcodec.training.data.clips import ClipCache
from bcdcodec.training.data.prefetch import prefetch_batches
from bcdcodec.training.data.sampler import CrossDrivenSampler
from bcdcodec.training.objective.losses import LossReport, bcd_loss
from bcdcodec.training.objective.phase import Phase
from bcdcodec.training.objective.schedule import Schedule
from bcdcodec.training.options import TrainOptions
from bcdcodec.training.run.accumulation import accumulate_gradients
from bcdcodec.training.run.distributed import device_of_run, init_distributed
from bcdcodec.training.run.held_out import HeldOut, HeldOutProbe, divide_clips
from bcdcodec.training.run.reports import RunReports
from bcdcodec.training.run.samples import condition_errors, sample_sheet
from bcdcodec.training.run.sharding import ProcessShard
from bcdcodec.training.run.training_run import TrainingRun


def train(
    config: ModelConfig,
    options: TrainOptions,
    *,
    cache: Path,
    vae: Autoencoder | None,
    init: dict[str, Tensor] | None = None,
    held_out: HeldOut = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Bcd:
    """Run or resume a training run to `options.updates` and return the averaged model, in evaluation mode.

    cache: folder of training/data/cache.py. init: state of a model of this configuration to start from. held_out: whom
    the error is measured on at every report, by which the best weights are chosen. Started by a launcher of several
    processes it shares every batch among them and computes what one process would; `options.accumulate` divides each
    process's rows once more. ConfigError for a run of another configuration, and for batches that cannot be shared
    evenly.
    """
    # Processes, devices and the run folder. Every process runs this function on its own rows of every batch.
    workers = init_distributed(batch=config.optim.batch)
    share = ProcessShard(workers.process_index, workers.num_processes)
    device = device_of_run(workers, options.device)
    schedule = Schedule.of(config, options.updates, train=options.train, reinit_codebooks=options.reinit_codebooks)
    share.check_even(config.optim.batch, schedule.decoded_clips(config), parts=options.accumulate)
    run: TrainingRun[Bcd] = TrainingRun(
        options.run,
        config,
        updates=options.updates,
        workers=workers,
        average_decay=config.optim.average_decay,
    )

    # Networks and optimiser.
    torch.manual_seed(options.seed)
    model = Bcd(config).train()
    if init is not None:
        model.load_start(init)
    model.to(device)
    if isinstance(vae, nn.Module):
        vae.to(device)
    if options.train in ("encoder", "warper"):
        model.requires_grad_(False)
        learning: nn.Module | None = model.encoder if options.train == "encoder" else model.warper
        assert learning is not None, "the schedule refuses models without a warper"
        learning.requires_grad_(True)
    if model.encoder.landmarks is not None:  # a transform that is fitted to the data, with its codebooks
        model.encoder.landmarks.transform.requires_grad_(False)
    optimizer = _make_optimizer(model, config)

    # Moving average and, in a run that was interrupted, the checkpoint.
    run.resume(model, optimizer)
    average, encoder_parts = run.average, [name for name, _ in model.named_children() if name != "dit"]
    if options.compiled:
        model.encoder.t5.compile()  # type: ignore[no-untyped-call]
        if model.dit is not None:
            model.dit.compile()  # type: ignore[no-untyped-call]

    # Data. Batches are functions of (seed, step) alone, and so is the noise below: no generator state is saved.
    clips, others = divide_clips(ClipCache(cache, config), config, held_out)
    sampler = CrossDrivenSampler.of(clips, config, seed=options.seed, cross_driven=config.optim.cross_driven)
    reports = RunReports(options.run, first=run.first_step) if run.is_main else None
    probe = HeldOutProbe(options.run, others, config, device=device) if run.is_main and others is not None else None

    def loss(rows: CrossDrivenBatch, share: ProcessShard) -> LossReport:
        generator = torch.Generator().manual_seed(options.seed * 1_000_003 + step)
        with torch.autocast(device.type, torch.bfloat16, enabled=options.precision == "bf16"):
            return bcd_loss(model, rows, objective, generator, vae, share=share)

    with contextlib.ExitStack() as stack:
        if device.type == "cuda" and options.precision == "fp32":
            stack.enter_context(tf32(True))
        batches = stack.enter_context(
            contextlib.closing(
                prefetch_batches(
                    lambda step: sampler.draw(step, share),
                    range(run.first_step, options.updates),
                    pin=device.type == "cuda",
                )
            )
        )
        for step, drawn in enumerate(batches, run.first_step):
            # Phase transitions. Quantisation begins with codebooks that are fitted to the averaged encoder.
            if step == schedule.quantized_from > 0:
                _init_codebooks(model, average, optimizer, sampler)
                share.copy_from_first(model, average)
            # The denoiser begins on the output of the averages of all other parts, which are the weights that ship.
            if model.dit is not None and average.dit is not None and step == schedule.denoiser_from > 0:
                denoiser = {f"dit.{name}": value for name, value in model.dit.state_dict().items()}
                model.load_state_dict({**average.state_dict(), **denoiser})
                average.dit.load_state_dict(model.dit.state_dict())

            # Loss and gradients of this process's rows.
            objective = schedule.objective(config, step)
            batch = drawn.to(device)
            optimizer.zero_grad()
            report = accumulate_gradients(model, loss, batch, share, options.accumulate)

            # Update the weights, with the gradient averaged over the processes.
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * schedule.rate_factor(step, denoiser=group["denoiser"])
            share.average_gradients([*model.parameters()])
            if config.optim.gradient_limit:
                nn.utils.clip_grad_norm_(model.parameters(), config.optim.gradient_limit)
            optimizer.step()

            # Update the moving averages. Their memory is short at first: the denoiser's counts from its own first step.
            if model.dit is not None:
                run.update_average(max(0, step - schedule.denoiser_from), "dit")
            if objective.phase is not Phase.DENOISER:
                run.update_average(step, *encoder_parts)

            # Report, sample and save, in the main process only.
            if reports is None:
                continue
            done = step + 1
            if run.due(done, options.report_every):
                whole = batch if share.count == 1 else sampler.draw(step).to(device)
                error = None
                if probe is not None:
                    complete = step >= schedule.complete_from
                    error = probe.measure(done, average, vae, temporal=objective.temporal, complete=complete)
                reports.write(done, report, condition_errors(model, whole, vae), held_out_error=error)
            if run.due(done, options.sheet_every):
                reports.write_sheet(done, sample_sheet(average, sampler.draw(0).to(device), vae))
            if run.due(done, options.save_every):
                run.save(done)
            progress(done)

    if reports is not None:
        reports.close()
    run.finish()
    return average.eval()


def _make_optimizer(model: Bcd, config: ModelConfig) -> torch.optim.AdamW:
    """AdamW with the paper's two learning rates; warper and landmark head learn at the denoiser's.

    Each parameter group has its peak rate, and whether it follows the denoiser's schedule.
    """
    optim = config.optim
    heads = [part for part in (model.warper, model.landmark_head) if part is not None]
    parts = [
        ([*model.dit.parameters()] if model.dit is not None else [], optim.learning_rate, True),
        ([parameter for part in heads for parameter in part.parameters()], optim.learning_rate, False),
        ([*model.encoder.parameters(), *model.quantizer.parameters()], optim.encoder_learning_rate, False),
    ]
    groups = [
        {"params": parameters, "lr": peak, "peak": peak, "denoiser": denoiser}
        for parameters, peak, denoiser in parts
        if parameters
    ]
    return torch.optim.AdamW(groups, betas=optim.betas, weight_decay=optim.weight_decay)


def _init_codebooks(model: Bcd, average: Bcd, optimizer: torch.optim.Optimizer, sampler: CrossDrivenSampler) -> None:
    """Fit codebooks to the averaged encoder; model and average both continue from the result."""
    model.load_state_dict(average.state_dict())
    replaced: list[Tensor] = [model.quantizer.codebook]
    device = model.quantizer.codebook.device
    model.cpu()  # small linear systems in double precision
    if model.landmark_head is None:
        fit_clusters(model, sampler)
    else:
        fit_codebooks(model, sampler)
        assert model.encoder.landmarks is not None, "the head of the landmarks comes with the encoder's"
        transform = model.encoder.landmarks.transform.weight
        replaced += [model.encoder.motion_head.weight, model.landmark_head.weight, transform]
    model.to(device)
    average.load_state_dict(model.state_dict())
    for parameter in replaced:
        optimizer.state.pop(parameter, None)  # type: ignore[call-overload] # moments of the replaced weights
