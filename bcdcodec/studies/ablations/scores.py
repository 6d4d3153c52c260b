"""Scores of a trained variant on clips of unseen people: codes, conditional errors, and transfers against the truth."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from bcdcodec.config import ModelConfig
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.weights import load_networks
from bcdcodec.studies.ablations.variants import WEIGHTS, AblationPlan, Variant
from bcdcodec.training.data.batch import CrossDrivenBatch
from bcdcodec.training.data.clips import ClipCache, ClipEntry
from bcdcodec.training.data.sampler import CrossDrivenSampler, least_frames
from bcdcodec.training.export import count_codes
from bcdcodec.training.run.samples import condition_errors, decoder_inputs, probe_error
from bcdcodec.weightfile import open_weights

#: Batches that codes are counted in, clips of each (errors are of the first few), and clips of Table A2.
MEASURED, BATCH, CLIPS = 32, 16, 128
#: Frames that content comes from in Table A2; None: all.
CONTENT_LENGTHS: tuple[int | None, ...] = (1, 5, 15, 20, None)
#: Steps of the sampler `standard` that the base is judged with, beside those that it has.
STEPS = (1, 4, 16, 64)


class Judge(Protocol):
    """Judges transfers. count: how many. Not for inference mode: a 3D face is fitted by gradients."""

    count: int

    def __call__(self, weights: Path, content_frames: int | None, *, steps: int | None = None) -> dict[str, float]:
        """Numbers of some weights by name. content_frames: that content comes from, None for all; steps: of the sampler
        `standard`, None for its own.
        """

    def sheet(self, path: Path, weights: dict[str, Path]) -> None:
        """Draw some transfers by each of the weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AblationScore:
    """One variant on clips of unseen people.

    entropy_bits: of hard codes, order 0, a frame. used: entries of a codebook, mean. dead: dead codebooks. errors: of
    frames denoised from the probe's noise level with the right conditions ("true"), the motion or content of others,
    none. truth: numbers of a Judge. seed: of the run.
    """

    name: str
    seed: int = 0
    target_bits: float
    groups: int
    entropy_bits: float
    used: float
    dead: int
    errors: dict[str, float]
    truth: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentScore:
    """The base with content from `frames` frames, None for all: the error with the right conditions."""

    frames: int | None
    clips: int
    error: float
    truth: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepScore:
    """The base decoded in `steps` steps. truth: numbers of a Judge."""

    steps: int
    truth: dict[str, float]


@dataclass(frozen=True, slots=True)
class Ablations:
    """Scores of all variants, the base first, by seed.

    contents, steps: of the first seed's base; empty where content is always one frame, and where no transfers are
    judged.
    """

    scores: list[AblationScore]
    contents: list[ContentScore]
    steps: list[StepScore] = field(default_factory=list)


def _model(plan: AblationPlan, run: Path) -> Bcd:
    """The networks of a run's weights file, on the device of the plan, as is the autoencoder."""
    if isinstance(plan.vae, nn.Module):
        plan.vae.to(plan.device)
    return load_networks(open_weights(run / WEIGHTS), plan.device).bcd


def score_variant(plan: AblationPlan, variant: Variant, run: Path, cache: Path, judge: Judge | None) -> AblationScore:
    """Score a finished run. Content and motion come from different halves or clips, however it was trained."""
    config, model = variant.config, _model(plan, run)
    sampler = CrossDrivenSampler.of(
        ClipCache(cache, config), config, seed=plan.seed, batch=BATCH, motion_frames=config.window_frames
    )
    with torch.inference_mode():
        batches = [condition_errors(model, sampler.draw(step).to(plan.device), plan.vae) for step in range(MEASURED)]
        codes = count_codes(model.cpu(), sampler, MEASURED)
    errors = {name: sum(batch[name] for batch in batches) / len(batches) for name in batches[0]}
    return AblationScore(
        name=variant.name,
        seed=plan.seed,
        target_bits=variant.target_bits,
        groups=config.quantizer.groups,
        entropy_bits=codes.entropy_bits,
        used=float(codes.used.mean()),
        dead=int((codes.used == 1).sum()),
        errors=errors,
        truth={} if judge is None else judge(run / WEIGHTS, None),
    )


def score_contents(plan: AblationPlan, run: Path, folder: Path, judge: Judge | None) -> list[ContentScore]:
    """Score the base with content from CONTENT_LENGTHS consecutive frames and motion of the same clips each time."""
    config, cache, scores = plan.config, ClipCache(folder, plan.config), []
    model = _model(plan, run)
    every = _pairs(cache, config)
    pairs = every[:: max(1, len(every) // CLIPS)][:CLIPS]
    longest = max(len(content) for content, _ in pairs)
    for frames in CONTENT_LENGTHS:
        if frames is not None and frames >= longest:
            continue
        errors = []
        for content, motion in pairs:
            shown = torch.from_numpy(cache.latents[content][:frames].copy()).float()[None]
            z = torch.from_numpy(cache.latents[motion].copy()).float()[None]
            batch = CrossDrivenBatch(shown, z, None).to(plan.device)
            with torch.inference_mode():
                errors.append(probe_error(model, *decoder_inputs(model, batch, torch.arange(z.shape[1])), plan.vae))
        truth = {} if judge is None else judge(run / WEIGHTS, frames)
        scores.append(ContentScore(frames=frames, clips=len(pairs), error=sum(errors) / len(errors), truth=truth))
    return scores


def score_steps(run: Path, judge: Judge) -> list[StepScore]:
    """Judge the base's transfers in STEPS steps each."""
    return [StepScore(steps=steps, truth=judge(run / WEIGHTS, None, steps=steps)) for steps in STEPS]


def _pairs(cache: ClipCache, config: ModelConfig) -> list[tuple[range, range]]:
    """Frames of content and motion of each clip: its halves, or another clip of the person and this one (the same clip
    where the person has one).
    """

    def frames(entry: ClipEntry) -> range:
        return range(entry.start, entry.start + entry.frames)

    if not config.optim.across_clips:
        long = [frames(entry) for entry in cache.entries if entry.frames >= least_frames(config)]
        return [(clip[: len(clip) // 2], clip[len(clip) // 2 :][: config.window_frames]) for clip in long]
    people: dict[str, list[ClipEntry]] = {}
    for entry in cache.entries:
        people.setdefault(entry.person, []).append(entry)
    return [
        (frames(own[(index + 1) % len(own)]), frames(entry)[: config.window_frames])
        for own in people.values()
        for index, entry in enumerate(own)
    ]
