"""Training of a motion model on code streams, in a run folder that the same command resumes.

RUN/metrics.jsonl      one line a report
RUN/best.safetensors   weights of the lowest loss on held-out people
and what training/run/training_run.py keeps

Several processes may share the run (training/run/distributed.py): batches do not depend on how many.
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from bcdcodec.motion.config import MotionConfig, MotionOptim
from bcdcodec.motion.data import BatchSampler, MotionBatch, hold_out
from bcdcodec.motion.entropy import stream_bits
from bcdcodec.motion.model import MotionGpt, motion_loss
from bcdcodec.motion.weights import save_motion
from bcdcodec.training.data.code_streams import CodeStream
from bcdcodec.training.run.distributed import init_distributed, own_rows
from bcdcodec.training.run.training_run import TrainingRun

if TYPE_CHECKING:
    from accelerate import Accelerator


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionTrainOptions:
    """Settings of `bcd train motion`; lengths and intervals are in optimiser updates.

    model: motion preset. run: the run folder, resumed if it exists. data: folder of clips; streams: folder of `.bcd`
    files; what they give is kept in the run folder. precision: `fp32`, or `bf16` where the processor is faster at it.
    """

    run: Path
    updates: int
    model: str = "face-motion"
    data: Path | None = None
    streams: Path | None = None
    seed: int = 0
    precision: str = "fp32"
    report_every: int = 100
    save_every: int = 100


def train_motion(
    config: MotionConfig,
    options: MotionTrainOptions,
    streams: list[CodeStream],
    *,
    codec_id: bytes,
    codebook: Tensor,
    progress: Callable[[int], None] = lambda done: None,
) -> Path:
    """Run or resume to `options.updates`, and return the weights with the lowest loss on held-out people.

    codec_id: of the codec model whose codes the streams hold; codebook: its code vectors [G, E, D]. Raises ConfigError
    for a run of another configuration.
    """
    # Processes and the run folder.
    workers = init_distributed(batch=config.optim.batch)
    run: TrainingRun[MotionGpt] = TrainingRun(
        options.run,
        config,
        updates=options.updates,
        workers=workers,
        average_decay=config.optim.average_decay,
    )

    # Data: some people are held out.
    learned, held_out = hold_out(streams)
    sampler = BatchSampler(
        learned,
        batch=config.optim.batch,
        frames=config.frames,
        downsampling=config.optim.downsampling,
        seed=options.seed,
        balanced=config.optim.balanced_people,
    )

    # Network, optimiser and, in a run that was interrupted, the checkpoint.
    torch.manual_seed(options.seed)
    model = MotionGpt(config).train()
    model.codebook.copy_(codebook)
    model.to(workers.device)
    optimizer = torch.optim.AdamW(
        [{"params": [*model.parameters()], "initial_lr": config.optim.learning_rate}],
        config.optim.learning_rate,
        betas=config.optim.betas,
        weight_decay=config.optim.weight_decay,
    )
    run.resume(model, optimizer)
    run.average.eval()
    reports = _Reports(options.run, held_out, codec_id=codec_id)
    shared = workers.prepare_model(model)

    for step in range(run.first_step, options.updates):
        # Update the weights and their moving average.
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * rate_factor(config.optim, step, options.updates)
        loss_bits = _update(shared, optimizer, config.optim, sampler.draw(step), options, step, workers=workers)
        run.update_average(step)

        # Report and save, in the main process only.
        done = step + 1
        if run.is_main:
            if run.due(done, options.report_every):
                reports.write(done, loss_bits, run.average)
            if run.due(done, options.save_every):
                run.save(done)
            progress(done)

    run.finish()
    return reports.best


def _update(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    optim: MotionOptim,
    batch: MotionBatch,
    options: MotionTrainOptions,
    step: int,
    *,
    workers: "Accelerator",
) -> float:
    """Update the weights by one batch; dropout derives from (seed, step). Returns the batch's loss in bits a frame.

    model: a `MotionGpt`, wrapped where several processes share the batch.
    """
    content, codes, valid = (own_rows(values, workers) for values in (batch.content, batch.codes, batch.valid))
    torch.manual_seed(options.seed * 1_000_003 + step + 7_919 * workers.process_index)
    with torch.autocast(workers.device.type, torch.bfloat16, enabled=options.precision == "bf16"):
        logits = model(content, codes[:, :-1])  # [B, T, G, E]: each frame from those before it
    # Gradients are averaged over processes; weigh each by its number of valid frames.
    weight = workers.num_processes * float(valid.sum()) / float(batch.valid.sum())
    loss = weight * motion_loss(logits.float(), codes, valid)
    optimizer.zero_grad()
    workers.backward(loss)
    if optim.gradient_limit:
        nn.utils.clip_grad_norm_(model.parameters(), optim.gradient_limit)
    optimizer.step()
    return float(workers.reduce(loss.detach(), "mean")) * codes.shape[-1] / math.log(2)


def rate_factor(optim: MotionOptim, step: int, updates: int) -> float:
    """Factor of the learning rate, 0..1: linear warm-up, flat, linear decay to zero."""
    rise, fall = max(1, optim.warmup), max(1.0, optim.decay * updates)
    return max(0.0, min(1.0, (step + 1) / rise, (updates - step) / fall))


class _Reports:
    """Validation on held-out people: a line of metrics.jsonl each time, and the weights of the lowest loss so far."""

    def __init__(self, run: Path, held_out: list[CodeStream], *, codec_id: bytes) -> None:
        self._held_out, self._codec_id = held_out, codec_id
        self._lines = run / "metrics.jsonl"
        self.best = run / "best.safetensors"
        self._began = time.monotonic()
        self._lowest = math.inf
        if self.best.exists() and self._lines.exists():
            self._lowest = min(json.loads(line)["held_out_bits"] for line in self._lines.read_text().splitlines())

    def write(self, step: int, bits: float, average: MotionGpt) -> None:
        held_out = stream_bits(average, self._held_out)
        if held_out < self._lowest:
            self._lowest = held_out
            save_motion(self.best, average, codec_id=self._codec_id)
        line = {
            "step": step,
            "bits": round(bits, 3),
            "held_out_bits": held_out,
            "seconds": round(time.monotonic() - self._began, 1),
        }
        with self._lines.open("a") as file:
            file.write(json.dumps(line) + "\n")
