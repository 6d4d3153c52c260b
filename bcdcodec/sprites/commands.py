"""What `bcd train judge` and `bcd sprites-score` do. In: the data set's folder. Out: a judge; scores and pictures."""

import dataclasses
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig
from bcdcodec.sprites.clips import ClipSet
from bcdcodec.sprites.judge import BATCH, Judge, judge_clips, load_judge, save_judge, train_judge
from bcdcodec.sprites.measure import SpriteScores, accuracies, measure
from bcdcodec.sprites.report import codes_raster, markdown, transfer_sheet
from bcdcodec.video.png import pack_png

#: The judge that comes with the package.
JUDGE = "judge-v1.safetensors"
SCORES, TABLES, SHEET, RASTER = "scores.json", "tables.md", "transfer.png", "codes.png"


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
    found = accuracies(judge_clips(judge, test.clips(np.arange(len(test)))), test.labels)
    save_judge(out, judge, accuracies=found)
    return found


def bundled_judge() -> Judge:
    """The judge of the package."""
    with resources.as_file(resources.files("bcdcodec.sprites") / JUDGE) as path:
        return load_judge(path)


def score(
    data: Path,
    out: Path,
    *,
    model: CodecModel,
    sampling: SamplingConfig,
    judge: Path | None = None,
    limit: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> SpriteScores:
    """Score a model on data/test and write scores, tables and pictures into `out`. judge: default is the package's."""
    judging = bundled_judge() if judge is None else load_judge(judge)
    clips = ClipSet(data / "test")
    scores, found = measure(model, judging, clips, sampling=sampling, limit=limit, seed=seed, progress=progress)
    out.mkdir(parents=True, exist_ok=True)
    (out / SCORES).write_text(scores.to_json(), encoding="utf-8")
    (out / TABLES).write_text(markdown(scores), encoding="utf-8")
    (out / SHEET).write_bytes(pack_png(transfer_sheet(clips, found)))
    poses = clips.poses[found.motion]
    entries = model.config.quantizer.entries
    if model.config.quantizer.groups > 1:  # of those together there may be millions
        occurring, codes = np.unique(found.codes, return_inverse=True)
        found, entries = dataclasses.replace(found, codes=codes.reshape(found.codes.shape)), len(occurring)
    (out / RASTER).write_bytes(pack_png(codes_raster(found, poses, entries)))
    return scores
