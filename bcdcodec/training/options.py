"""Options of training runs, filled once by the command line and passed on unchanged."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

#: The part of the model that a run trains: everything, or one part alone.
Trained = Literal["all", "denoiser", "encoder", "warper"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """Settings of the training loop (training/run/loop.py); lengths and intervals are in optimiser updates.

    run: the run folder, resumed if it exists. precision: `fp32` or `bf16`; bf16 halves the time where the processor
    has instructions for it. compiled: the transformers go through `torch.compile`. device: `auto`, `cpu`, `cuda` or
    `mps`; batches and noise are drawn on the CPU in any case. reinit_codebooks: start with continuous motion, then
    initialise the codebooks anew by k-means. accumulate: parts into which each process divides its rows of a batch, one
    computed after another; less memory, the same result.
    """

    run: Path
    updates: int
    seed: int = 0
    precision: str = "fp32"
    compiled: bool = False
    device: str = "cpu"
    train: Trained = "all"
    reinit_codebooks: bool = False
    report_every: int = 100
    sheet_every: int = 1000
    save_every: int = 250
    accumulate: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecTrainOptions(TrainOptions):
    """Settings of `bcd train codec`: those of the loop, the model preset, and where its inputs come from.

    data: folder of clips with clips.csv; cache: that of `bcd data cache` instead, which several runs may share. init:
    weights file of the same preset to start from; its autoencoder is used where `vae` names none. excerpts: number of
    augmented excerpts to train on, 0 for the clips themselves. workers: processes that fill the clip cache. batch:
    clips that are computed at once over all processes, None for the preset's; an update has `accumulate` times as many.
    held_out: folder of clips of other people, on which the error is measured; None: of a few people of `data` that are
    held back, where there are enough; "none": nowhere.
    """

    model: str
    data: Path | None = None
    cache: Path | None = None
    vae: Path | None = None
    init: Path | None = None
    excerpts: int = 0
    workers: int = 1
    batch: int | None = None
    held_out: Path | Literal["none"] | None = None
