"""Training of the entropy coder's context model on code streams, with integer weights as they ship.

code streams -> frames with the two before them -> ContextNet (float, rounded in its forward pass) -> Predictor

The network computes what entropy/predictor.py does, in bits: every forward pass rounds the weights to what their
integers can represent, so that the trained model is the one that codes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from bcdcodec.entropy.context import context_bits
from bcdcodec.entropy.predictor import MAX_HIDDEN_VALUE, PARALLEL_GROUPS, TENSORS, Predictor
from bcdcodec.entropy.softmax import SCORES_PER_BIT
from bcdcodec.errors import ConfigError
from bcdcodec.training.data.code_streams import CodeStream

#: Value of one integer step of each tensor; hidden activations are half as fine as the rows that they sum.
UNITS = {
    "current": 1 / 64,
    "previous": 1 / 64,
    "lag1": 1 / SCORES_PER_BIT,
    "lag2": 1 / SCORES_PER_BIT,
    "output": 1 / 32,
}
HIDDEN_UNIT = 1 / 32
HIDDEN = 128
BATCH_FRAMES, LEARNING_RATE, WEIGHT_DECAY = 256, 8e-3, 1e-2
#: Dropout of hidden activations: without it unseen identities gain nothing after a few hundred updates.
DROPOUT = 0.2
#: Weight of the group's histogram in each row of the initial table, in counts.
PRIOR_COUNTS = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Codes of every frame and of the two before it, each [N, groups]; sampling weight [N]."""

    now: NDArray[np.int64]
    before: NDArray[np.int64]
    before2: NDArray[np.int64]
    weight: NDArray[np.float64]


def list_frames(streams: list[CodeStream], *, packet_frames: int, entries: int) -> Frames:
    """Frames of all streams, people weighted by the square root of their frames.

    At the start of a packet the previous codes are unknown: `entries`.
    """
    person_frames: dict[str, int] = {}
    for stream in streams:
        person_frames[stream.person] = person_frames.get(stream.person, 0) + len(stream.codes)
    parts: list[list[NDArray[np.int64]]] = [[], [], []]
    weights = []
    for stream in streams:
        weights.append(np.full(len(stream.codes), person_frames[stream.person] ** -0.5))
        for packet in stream.packets(packet_frames):
            padded = np.concatenate([np.full((2, packet.shape[1]), entries), packet.astype(np.int64)])
            for part, back in zip(parts, (2, 1, 0), strict=True):
                part.append(padded[back : len(packet) + back])
    now, before, before2 = (np.concatenate(part) for part in parts)
    weight = np.concatenate(weights)
    return Frames(now, before, before2, weight / weight.sum())


class ContextNet(nn.Module):
    """Float version of `Predictor`, whose docstring has the data flow."""

    def __init__(self, frames: Frames, *, entries: int, hidden: int) -> None:
        super().__init__()
        groups = frames.now.shape[1]
        self.current = nn.Parameter(0.05 * torch.randn(groups, entries, hidden))
        self.previous = nn.Parameter(0.05 * torch.randn(groups, entries + 1, hidden))
        self.lag1 = nn.Parameter(_first_guess(frames, entries))
        self.lag2 = nn.Parameter(torch.zeros(groups, entries + 1, entries))
        self.output = nn.Parameter(0.05 * torch.randn(groups, hidden, entries))

    def forward(self, now: Tensor, before: Tensor, before2: Tensor) -> Tensor:
        """Cost in bits [N, groups] of the codes [N, groups] given those before."""
        groups = now.shape[1]
        rows = _gather(self._rounded("current"), now)  # [N, G, H]
        waves = [rows[:, start : start + PARALLEL_GROUPS].sum(1) for start in range(0, groups, PARALLEL_GROUPS)]
        known = torch.stack([torch.zeros_like(waves[0]), *waves[:-1]], 1).cumsum(1)  # [N, waves, H]
        sums = known + _gather(self._rounded("previous"), before).sum(1, keepdim=True)
        hidden = F.dropout(_round(sums, HIDDEN_UNIT, 0, MAX_HIDDEN_VALUE, down=True), DROPOUT, self.training)
        hidden = hidden.repeat_interleave(PARALLEL_GROUPS, 1)[:, :groups]
        scores = torch.einsum("ngh,ghe->nge", hidden, self._rounded("output"))
        scores = scores + _gather(self._rounded("lag1"), before) + _gather(self._rounded("lag2"), before2)
        nats = F.cross_entropy(scores.flatten(0, 1) * np.log(2), now.flatten(), reduction="none")
        return nats.view(now.shape) / np.log(2)

    def predictor(self) -> Predictor:
        """The integer model."""
        integers = {}
        for name, unit in UNITS.items():
            kind, weights = _kind(name), getattr(self, name).detach() / unit
            integers[name] = weights.round().clamp(kind.min, kind.max).numpy().astype(kind.dtype)
        return Predictor(**integers)

    def _rounded(self, name: str) -> Tensor:
        kind = _kind(name)
        return _round(getattr(self, name), UNITS[name], kind.min, kind.max)


def fit_context(
    streams: list[CodeStream],
    *,
    entries: int,
    packet_frames: int,
    updates: int,
    seed: int = 0,
    progress: Callable[[int, float], None] = lambda done, bits: None,
) -> Predictor:
    """Train on code streams. progress: (updates done, bits a frame of the batch). ConfigError without frames."""
    if not sum(len(stream.codes) for stream in streams):
        raise ConfigError("no code stream has a frame, there is nothing to learn from")
    frames = list_frames(streams, packet_frames=packet_frames, entries=entries)
    with torch.random.fork_rng():  # initial weights and dropout
        torch.manual_seed(seed)
        net = ContextNet(frames, entries=entries, hidden=HIDDEN)
        optimizer = torch.optim.AdamW(net.parameters(), LEARNING_RATE, betas=(0.9, 0.99), weight_decay=WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=updates, pct_start=0.1)
        for step, batch in enumerate(_batches(frames, updates, seed)):
            bits = net(*batch).sum(1).mean()
            optimizer.zero_grad()
            bits.backward()
            optimizer.step()
            schedule.step()
            progress(step + 1, bits.item())
    return net.predictor()


def cost_bits(packets: list[NDArray[np.uint8]], predictor: Predictor) -> float:
    """Cross-entropy of the integer model on packets of codes [n, groups], in bits."""
    total = 0.0
    for codes in packets:
        bits = context_bits(codes, predictor)
        total += float(np.take_along_axis(bits, codes[..., None].astype(np.int64), axis=-1).sum())
    return total


def _batches(frames: Frames, updates: int, seed: int) -> Iterator[list[Tensor]]:
    for step in range(updates):
        picked = np.random.default_rng((seed, step)).choice(len(frames.now), BATCH_FRAMES, p=frames.weight)
        yield [torch.from_numpy(codes[picked]) for codes in (frames.now, frames.before, frames.before2)]


def _first_guess(frames: Frames, entries: int) -> Tensor:
    """log2 of the frequency of each code after each code of its group: [groups, entries + 1, entries]."""
    groups = frames.now.shape[1]
    counts = np.zeros((groups, entries + 1, entries))
    np.add.at(counts, (np.arange(groups), frames.before, frames.now), 1.0)
    histogram = counts.sum(1, keepdims=True) + 0.5
    guess = counts + PRIOR_COUNTS * histogram / histogram.sum(-1, keepdims=True)
    return torch.from_numpy(np.log2(guess / guess.sum(-1, keepdims=True))).float()


def _gather(table: Tensor, codes: Tensor) -> Tensor:
    """Rows of table [G, K, D] by codes [N, G]: [N, G, D]."""
    groups, rows, _ = table.shape
    return F.embedding(codes + rows * torch.arange(groups), table.flatten(0, 1))


def _round(x: Tensor, unit: float, low: int, high: int, *, down: bool = False) -> Tensor:
    """Round to multiples of `unit` within the range, straight-through inside it; down: towards minus infinity."""
    inside = x.clamp(low * unit, high * unit)
    steps = inside.detach() / unit
    return inside + ((steps.floor() if down else steps.round()) * unit - inside).detach()


def _kind(name: str) -> np.iinfo:
    return np.iinfo(TENSORS[name][1])
