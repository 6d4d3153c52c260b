"""The judge of sprites: a network that classifies the action and the clothes of a clip.

    frame [3, 64, 64] -> 4 x (conv 4x4 stride 2, batch norm, leaky ReLU), conv 4x4, batch norm, tanh -> 128 numbers
    frames -> one bidirectional LSTM -> last state forward and first backward, 512 numbers -> a head for each label

The network of C-DSVAE (Bai et al., 2021), whose weights are no longer public; ours are trained on the same real clips.
"""

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional as F

from bcdcodec.errors import WeightsError
from bcdcodec.model.tensors import in_eight_bits, save_tensors, widened
from bcdcodec.sprites.clips import ClipSet
from bcdcodec.sprites.sheets import ATTRIBUTE_NAMES, MOTIONS, VALUES

#: The labels and how many values each has.
LABELS = {"action": len(MOTIONS), **dict.fromkeys(ATTRIBUTE_NAMES, VALUES)}
#: Batch size and Adam settings of the recipe of MSD.
BATCH, RATE, BETAS = 32, 1e-3, (0.5, 0.999)
#: Clips judged at once.
CHUNK = 64
_FORMAT = "bcdcodec sprites judge 1"
#: Weights that come with the package.
BUNDLED = "judge-v2.safetensors"


class Judge(nn.Module):
    """Classifier of clips, float [B, T, 3, 64, 64] in 0..1: logits [B, values] by name of the label."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for after in (64, 128, 256, 512):
            layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]
            before = after
        self.frame = nn.Sequential(*layers, nn.Conv2d(before, 128, 4, bias=False), nn.BatchNorm2d(128), nn.Tanh())
        self.recurrent = nn.LSTM(128, 256, batch_first=True, bidirectional=True)
        self.heads = nn.ModuleDict(
            {name: nn.Sequential(nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, n)) for name, n in LABELS.items()}
        )

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        features = self.frame(clips.flatten(0, 1)).flatten(1).unflatten(0, clips.shape[:2])  # [B, T, 128]
        states, _ = self.recurrent(features)
        ends = torch.cat([states[:, -1, :256], states[:, 0, 256:]], 1)
        return {name: head(ends) for name, head in self.heads.items()}

    @torch.inference_mode()
    def probabilities(self, clips: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Probabilities of uint8 clips [B, T, 64, 64, 3]: [B, values] by name of the label."""
        return {name: logits.softmax(1).numpy() for name, logits in self(to_input(clips)).items()}


def judge_clips(judge: Judge, clips: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """Probabilities of clips uint8 [N, T, 64, 64, 3], a few at a time: [N, values] by name of the label."""
    parts = [judge.probabilities(chunk) for chunk in np.array_split(clips, -(-len(clips) // CHUNK))]
    return {name: np.concatenate([part[name] for part in parts]) for name in LABELS}


def to_input(clips: NDArray[np.uint8]) -> Tensor:
    """Network input of clips uint8 [B, T, 64, 64, 3]; the recipe scales by 256."""
    return torch.from_numpy(clips).movedim(-1, 2).float() / 256


def train_judge(
    draw: Callable[[int], tuple[NDArray[np.uint8], NDArray[np.int64]]],
    *,
    steps: int,
    seed: int = 0,
    progress: Callable[[int, float], None] = lambda step, loss: None,
) -> Judge:
    """Fit to real clips; returns it in evaluation mode. draw: step -> clips uint8 [B, T, 64, 64, 3] and labels int64
    [B, 5] in the order of LABELS. progress: (step, loss).
    """
    torch.manual_seed(seed)
    judge = Judge().to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(judge.parameters(), RATE, betas=BETAS)
    for step in range(steps):
        # Linear to zero: averages out the noise of small batches at the end.
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / steps)
        clips, labels = draw(step)
        found = judge(to_input(clips))
        wanted = torch.from_numpy(labels)
        loss = torch.stack([F.cross_entropy(found[name], wanted[:, i]) for i, name in enumerate(LABELS)]).sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        progress(step + 1, float(loss.detach()))
    trained: Judge = judge.eval()
    return trained


def save_judge(path: Path, judge: Judge, *, accuracies: dict[str, float]) -> None:
    """Write weights in 8 bits with their accuracies on real test clips."""
    facts = {"format": _FORMAT, "accuracies": json.dumps(accuracies)}
    save_tensors(path, in_eight_bits(judge.state_dict()), metadata=facts)


def load_judge(path: Path) -> Judge:
    """Inverse of `save_judge`, in evaluation mode; WeightsError if the file is no judge."""
    judge = Judge()
    try:
        with safe_open(path, "pt") as file:
            if (file.metadata() or {}).get("format") != _FORMAT:
                raise WeightsError(f"{path} is no judge of sprites; `bcd train judge` makes one")
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        judge.load_state_dict(widened(found))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise WeightsError(f"{path} is no judge of sprites: {str(error).splitlines()[0]}") from error
    return judge.eval()


def bundled_judge() -> Judge:
    """The judge that comes with the package."""
    with resources.as_file(resources.files("bcdcodec.sprites") / BUNDLED) as path:
        return load_judge(path)


def accuracies(probabilities: dict[str, NDArray[np.float32]], labels: NDArray[np.int64]) -> dict[str, float]:
    """Share of clips whose most probable label is the true one, by label. labels: [N, 5] in the order of LABELS."""
    return {name: float((probabilities[name].argmax(1) == labels[:, i]).mean()) for i, name in enumerate(LABELS)}


def make_judge(
    data: Path,
    out: Path,
    *,
    steps: int,
    seed: int = 0,
    progress: Callable[[int, float], None] = lambda step, loss: None,
) -> dict[str, float]:
    """Train a judge on data/train and write it; returns its accuracies on data/test by label."""
    train, test = ClipSet(data / "train"), ClipSet(data / "test")

    def draw(step: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        chosen = np.random.default_rng((seed, step)).integers(0, len(train), BATCH)
        return train.clips(chosen), train.labels[chosen]

    judge = train_judge(draw, steps=steps, seed=seed, progress=progress)
    reached = accuracies(judge_clips(judge, test.clips(np.arange(len(test)))), test.labels)
    save_judge(out, judge, accuracies=reached)
    return reached
