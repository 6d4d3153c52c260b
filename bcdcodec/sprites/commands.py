"""What `bcd sprites-judge` does. In: the data set's folder. Out: a judge on disk, and how good it is."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.sprites.clips import ClipSet
from bcdcodec.sprites.judge import BATCH, LABELS, Judge, save_judge, train_judge
from bcdcodec.sprites.scores import accuracy

#: Clips judged at once.
CHUNK = 64


def make_judge(
    data: Path,
    out: Path,
    *,
    steps: int,
    seed: int = 0,
    progress: Callable[[int, float], None] = lambda step, loss: None,
) -> dict[str, float]:
    """Train a judge on data/train and write it; returns its accuracies on data/test by label, 0..1."""
    train, test = ClipSet(data / "train"), ClipSet(data / "test")

    def draw(step: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        chosen = np.random.default_rng((seed, step)).integers(0, len(train), BATCH)
        return train.clips(chosen), train.labels[chosen]

    judge = train_judge(draw, steps=steps, seed=seed, progress=progress)
    accuracies = judge_accuracies(judge, test)
    save_judge(out, judge, accuracies=accuracies)
    return accuracies


def judge_accuracies(judge: Judge, clips: ClipSet) -> dict[str, float]:
    """Share of the clips that the judge labels rightly, by label."""
    parts = [
        judge.probabilities(clips.clips(rows))
        for rows in np.array_split(np.arange(len(clips)), -(-len(clips) // CHUNK))
    ]
    return {
        name: accuracy(np.concatenate([part[name] for part in parts]), clips.labels[:, i])
        for i, name in enumerate(LABELS)
    }
