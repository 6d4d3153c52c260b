"""The training run of a motion model. In: code streams. Out: a run folder that the same command resumes.

RUN/config.json   the model                     RUN/metrics.jsonl     one line a report
RUN/last.safetensors   the checkpoint           RUN/best.safetensors  weights of the lowest loss on held-out people

Several processes may share the run (training/run/distributed.py): batches are the same, whoever computes their rows.
"""

import copy
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from bcdcodec.atomic import write_text
from bcdcodec.errors import ConfigError
from bcdcodec.motion.config import MotionConfig
from bcdcodec.motion.data import BatchSampler, MotionBatch, hold_out
from bcdcodec.motion.entropy import stream_bits
from bcdcodec.motion.model import MotionGpt, motion_loss
from bcdcodec.motion.weights import save_motion
from bcdcodec.training.data.code_streams import CodeStream
from bcdcodec.training.run.checkpoint import load_checkpoint, save_checkpoint
from bcdcodec.training.run.distributed import init_distributed, own_rows
from bcdcodec.training.run.ema import update_ema
from bcdcodec.training.run.loop import GRADIENT_LIMIT

if TYPE_CHECKING:
    from accelerate import Accelerator

#: Linear warm-up of the learning rate in steps, and the share of a run over whose end it falls to zero.
WARMUP_STEPS, DECAY = 100, 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionTrainOptions:
    """Where and how long; everything in optimiser steps. codec_id: of the codec model whose codes the streams hold.

    precision: fp32, or bf16 where the processor is faster at it.
    """

    run: Path
    steps: int
    codec_id: bytes
    seed: int = 0
    precision: str = "fp32"
    report_every: int = 100
    save_every: int = 100


def train_motion(
    config: MotionConfig,
    options: MotionTrainOptions,
    streams: list[CodeStream],
    *,
    codebook: Tensor,
    progress: Callable[[int], None] = lambda step: None,
) -> Path:
    """Run or resume to `options.steps`, and return the weights that predict held-out people best.

    codebook: the codec's code vectors [G, E, D]. Raises ConfigError for a run of another configuration.
    """
    workers = init_distributed(batch=config.optim.batch)
    options.run.mkdir(parents=True, exist_ok=True)
    written = options.run / "config.json"
    if written.exists() and MotionConfig.from_json(written.read_text()) != config:
        raise ConfigError(f"{options.run} is a run of another configuration; take a new folder")
    workers.wait_for_everyone()
    if workers.is_main_process:
        write_text(written, config.to_json())
    learned, held_out = hold_out(streams)
    sampler = BatchSampler(
        learned,
        batch=config.optim.batch,
        frames=config.frames,
        downsampling=config.optim.downsampling,
        seed=options.seed,
    )
    torch.manual_seed(options.seed)
    model = MotionGpt(config).train()
    model.codebook.copy_(codebook)
    model.to(workers.device)
    average = copy.deepcopy(model).eval()
    optimizer = torch.optim.AdamW(
        [{"params": [*model.parameters()], "initial_lr": config.optim.learning_rate}],
        config.optim.learning_rate,
        betas=config.optim.betas,
        weight_decay=config.optim.weight_decay,
    )
    last, first = options.run / "last.safetensors", 0
    if last.exists():
        first = load_checkpoint(last, model=model, average=average, optimizer=optimizer)
    report = _Report(options, held_out)
    shared = workers.prepare_model(model)
    for step in range(first, options.steps):
        loss = train_step(shared, optimizer, sampler.draw(step), options, step, workers=workers)
        update_ema(average, model, step)
        done = step + 1
        if workers.is_main_process:
            if done % options.report_every == 0 or done == options.steps:
                report.write(done, loss, average)
            if done % options.save_every == 0 or done == options.steps:
                save_checkpoint(last, step=done, model=model, average=average, optimizer=optimizer)
            progress(done)
    workers.wait_for_everyone()
    return report.best


def train_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: MotionBatch,
    options: MotionTrainOptions,
    step: int,
    *,
    workers: "Accelerator",
) -> float:
    """One update by the batch of this step; dropout derives from (seed, step). Returns the loss of the whole batch in
    bits a frame. model: a `MotionGpt`, wrapped where several workers share the batch.
    """
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * rate_factor(step, options.steps)
    content, codes, valid = (own_rows(values, workers) for values in (batch.content, batch.codes, batch.valid))
    torch.manual_seed(options.seed * 1_000_003 + step + 7_919 * workers.process_index)
    with torch.autocast(workers.device.type, torch.bfloat16, enabled=options.precision == "bf16"):
        logits = model(content, codes[:, :-1])  # [B, T, G, E]: each frame from those before it
    # Gradients are averaged over workers, but those with more frames count more.
    weight = workers.num_processes * float(valid.sum()) / float(batch.valid.sum())
    loss = weight * motion_loss(logits.float(), codes, valid)
    optimizer.zero_grad()
    workers.backward(loss)
    nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_LIMIT)
    optimizer.step()
    return float(workers.reduce(loss.detach(), "mean")) * codes.shape[-1] / math.log(2)


def rate_factor(step: int, steps: int) -> float:
    """Factor of the learning rate, 0..1: up, flat, and linearly down at the end."""
    return max(0.0, min(1.0, (step + 1) / WARMUP_STEPS, (steps - step) / max(1.0, DECAY * steps)))


class _Report:
    """Measures held-out people, writes the line, keeps the weights where nothing before was better."""

    def __init__(self, options: MotionTrainOptions, held_out: list[CodeStream]) -> None:
        self._options, self._held_out = options, held_out
        self._lines = options.run / "metrics.jsonl"
        self.best = options.run / "best.safetensors"
        self._began = time.monotonic()
        self._lowest = math.inf
        if self.best.exists() and self._lines.exists():
            self._lowest = min(json.loads(line)["held_out_bits"] for line in self._lines.read_text().splitlines())

    def write(self, step: int, bits: float, average: MotionGpt) -> None:
        held_out = stream_bits(average, self._held_out)
        if held_out < self._lowest:
            self._lowest = held_out
            save_motion(self.best, average, codec_id=self._options.codec_id)
        line = {
            "step": step,
            "bits": round(bits, 3),
            "held_out_bits": held_out,
            "seconds": round(time.monotonic() - self._began, 1),
        }
        with self._lines.open("a") as file:
            file.write(json.dumps(line) + "\n")
