"""Training of the denoiser of pictures for a number of minutes: resumable, with its curve.

run folder:  state.safetensors (the checkpoint, with the minutes it took), critic.safetensors, curve.jsonl
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from bcdcodec.config import PictureDenoiserConfig
from bcdcodec.denoiser.batches import PairDrawer
from bcdcodec.denoiser.critic import Critic
from bcdcodec.denoiser.objective import ON_THE_WAY, Perception, denoiser_loss, noisy_starts, starts_on_the_way
from bcdcodec.denoiser.packing import find_parts
from bcdcodec.model.device import choose_device
from bcdcodec.model.unet import PictureDenoiser
from bcdcodec.training.run.checkpoint import checkpoint_minutes, load_checkpoint, save_checkpoint
from bcdcodec.training.run.ema import update_ema

STATE, CRITIC, CURVE = "state.safetensors", "critic.safetensors", "curve.jsonl"
#: Share of the time over which the rate rises, and that of the peak at which it ends.
WARM, LAST_RATE = 0.01, 0.02
GRADIENT_LIMIT = 1.0
#: Updates of a line of the curve, and minutes between two checkpoints.
REPORT_EVERY, SAVE_MINUTES = 25, 3.0
#: Updates see squares of this share of the side, which cost half, until this share of the budget.
CROP, WHOLE_FROM = 0.75, 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class DenoiserOptions:
    """A run. budget_minutes: of training in all, over however many calls; batch: excerpts of an update; updates: stop
    after so many, for rehearsals (0: the budget alone counts); adversarial: strength of a discriminator's gradient
    beside that of the loss (0: there is none).
    """

    pairs: Path
    run: Path
    budget_minutes: float
    batch: int = 2
    learning_rate: float = 1e-3
    seed: int = 0
    updates: int = 0
    adversarial: float = 0.0
    device: str = "auto"


def train_denoiser(
    config: PictureDenoiserConfig,
    motion_dims: int,
    options: DenoiserOptions,
    *,
    init: dict[str, Tensor] | None = None,
    progress: Callable[[float, float], None] = lambda minutes, total: None,
) -> PictureDenoiser:
    """Run or resume a training run to the end of its budget; returns the averaged network, in evaluation mode.

    init: weights to start from. The rate follows a cosine over the budget. Raises ConfigError where there are no pairs.
    """
    parts = find_parts(options.pairs)
    device = choose_device(options.device)
    torch.manual_seed(options.seed)
    net = PictureDenoiser(config, motion_dims).to(device)
    if init is not None:
        net.load_state_dict(init)
    average = PictureDenoiser(config, motion_dims).to(device).requires_grad_(False)
    average.load_state_dict(net.state_dict())
    optimizer = torch.optim.AdamW(net.parameters(), lr=options.learning_rate, betas=(0.9, 0.99), weight_decay=0.01)
    options.run.mkdir(parents=True, exist_ok=True)
    state, step, minutes = options.run / STATE, 0, 0.0
    if state.exists():
        step = load_checkpoint(state, model=net, average=average, optimizer=optimizer)
        minutes = checkpoint_minutes(state)
    perception, drawer = Perception(device), PairDrawer(parts, seed=options.seed)
    critic = Critic(device) if options.adversarial else None
    if critic is not None and (options.run / CRITIC).exists():
        critic.load(options.run / CRITIC)

    def save() -> None:
        save_checkpoint(state, step=step, model=net, average=average, optimizer=optimizer, minutes=minutes)
        if critic is not None:
            critic.save(options.run / CRITIC, step)

    started, before = time.monotonic(), minutes
    saved = minutes
    sums: dict[str, float] = {}
    while minutes < options.budget_minutes and not 0 < options.updates <= step:
        done = minutes / options.budget_minutes
        for group in optimizer.param_groups:
            group["lr"] = options.learning_rate * rate_factor(done)
        pairs = drawer.draw(step, options.batch, crop=CROP if done < WHOLE_FROM else 1.0)
        pairs = pairs.map(lambda tensor: tensor.to(device))
        generator = torch.Generator().manual_seed(options.seed * 1_000_003 + step)
        targets, guides = pairs.targets(), pairs.guides()
        x, sigma = noisy_starts(targets, guides, generator)
        if float(torch.rand((), generator=generator)) < ON_THE_WAY:
            x, sigma = starts_on_the_way(net, x, sigma, guides, generator)
        painted = net(x, sigma, guides)
        frames = painted.detach().requires_grad_()
        loss = denoiser_loss(frames, targets, guides, perception, generator)
        (gradient,) = torch.autograd.grad(loss.total, frames)
        parts_of_loss = {name: getattr(loss, name) for name in loss.__slots__}
        if critic is not None:
            fooled, parts_of_loss["critic"] = critic.learn(frames, targets, pairs.points.float().flatten(0, 1))
            (added,) = torch.autograd.grad(fooled, frames)
            gradient = gradient + options.adversarial * gradient.norm() / (added.norm() + 1e-12) * added
        optimizer.zero_grad()
        painted.backward(gradient)
        nn.utils.clip_grad_norm_(net.parameters(), GRADIENT_LIMIT)
        optimizer.step()
        step += 1
        update_ema(average, net, step)
        for name, value in parts_of_loss.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach()) / REPORT_EVERY
        minutes = before + (time.monotonic() - started) / 60
        if step % REPORT_EVERY == 0:
            with (options.run / CURVE).open("a") as file:
                line = {"update": step, "minutes": round(minutes, 2), **{name: round(v, 5) for name, v in sums.items()}}
                file.write(json.dumps(line) + "\n")
            sums = {}
        if minutes - saved > SAVE_MINUTES:
            save()
            saved = minutes
        progress(minutes, options.budget_minutes)
    save()
    return average.eval()


def rate_factor(done: float) -> float:
    """Factor of the peak rate, at a share of the budget: a short rise, then a cosine to LAST_RATE."""
    if done < WARM:
        return max(done / WARM, 0.02)
    return LAST_RATE + (1 - LAST_RATE) * (1 + math.cos(math.pi * min(1.0, done))) / 2
