"""What a variant does to clips of people it has not seen. In: a finished run. Out: its score, kept beside it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bcdcodec.ablation.plan import WEIGHTS, AblationPlan
from bcdcodec.ablation.variants import Variant
from bcdcodec.config import ModelConfig
from bcdcodec.evaluation.harness.experiment import kept_json
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.weights import load_networks
from bcdcodec.training.data.sampler import (
    CONTENT_FRAMES,
    MIN_HALF_FRAMES,
    ClipCache,
    ClipEntry,
    CrossDrivenBatch,
    CrossDrivenSampler,
)
from bcdcodec.training.export import count_codes
from bcdcodec.training.run.samples import condition_errors, decoder_inputs, probe_error
from bcdcodec.weightfile import open_weights

SCORE, CONTENTS = "score.json", "contents.json"
#: Batches of clips of others that codes are counted in, of how many clips each (errors are of the first few of each);
#: clips of Table A2.
MEASURED, BATCH, CLIPS = 32, 16, 128
#: Frames that content comes from in Table A2; None: all there are.
CONTENT_LENGTHS: tuple[int | None, ...] = (1, 5, 15, 20, None)

#: What is known of clips whose truth is: weights, and frames that content comes from (None: all) -> numbers by name.
Judge = Callable[[Path, int | None], dict[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AblationScore:
    """Of one variant on clips of people it has not seen. entropy_bits: of hard codes, order 0, a frame; used: entries
    of a codebook, mean; dead: codebooks that say nothing; errors: of frames denoised from the probe's noise level with
    the right conditions ("true"), the motion or content of others, none; truth: what a Judge says.
    """

    name: str
    target_bits: float
    groups: int
    entropy_bits: float
    used: float
    dead: int
    errors: dict[str, float]
    truth: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentScore:
    """Of the base with content from so many frames, None for all: the error with the right conditions."""

    frames: int | None
    clips: int
    error: float
    truth: dict[str, float] = field(default_factory=dict)


def measure(plan: AblationPlan, variant: Variant, run: Path, cache: Path, judge: Judge | None) -> AblationScore:
    """Of a finished run; once."""

    def make() -> dict[str, Any]:
        truth = {} if judge is None else judge(run / WEIGHTS, None)
        return asdict(_score(plan, variant, _model(plan, run), cache, truth))

    return AblationScore(**kept_json(run / SCORE, make))


def measure_contents(plan: AblationPlan, run: Path, cache: Path, judge: Judge | None) -> list[ContentScore]:
    """The same for content from more and fewer frames."""

    def make() -> list[dict[str, Any]]:
        return [asdict(one) for one in _contents(plan, _model(plan, run), cache, run / WEIGHTS, judge)]

    return [ContentScore(**one) for one in kept_json(run / CONTENTS, make)]


def _model(plan: AblationPlan, run: Path) -> Bcd:
    """As its weights file has it, on the device of the plan, and the autoencoder beside it."""
    if isinstance(plan.vae, nn.Module):
        plan.vae.to(plan.device)
    return load_networks(open_weights(run / WEIGHTS), plan.device).bcd


@torch.inference_mode()
def _score(plan: AblationPlan, variant: Variant, model: Bcd, cache: Path, truth: dict[str, float]) -> AblationScore:
    """Content and motion of different halves or clips for every variant, however it was trained."""
    config = variant.config
    sampler = CrossDrivenSampler(
        ClipCache(cache, config),
        batch=BATCH,
        content_frames=CONTENT_FRAMES,
        motion_frames=config.window_frames,
        seed=plan.seed,
        across_clips=config.optim.across_clips,
    )
    found = [condition_errors(model, sampler.draw(step).to(plan.device), plan.vae) for step in range(MEASURED)]
    errors = {name: sum(one[name] for one in found) / len(found) for name in found[0]}
    codes = count_codes(model.cpu(), sampler, MEASURED)
    return AblationScore(
        name=variant.name,
        target_bits=variant.target_bits,
        groups=config.quantizer.groups,
        entropy_bits=codes.entropy_bits,
        used=float(codes.used.mean()),
        dead=int((codes.used == 1).sum()),
        errors=errors,
        truth=truth,
    )


@torch.inference_mode()
def _contents(plan: AblationPlan, model: Bcd, folder: Path, weights: Path, judge: Judge | None) -> list[ContentScore]:
    """Content from so many frames in a row; motion of the same clips each time."""
    config, cache, scores = plan.config, ClipCache(folder, plan.config), []
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
            errors.append(probe_error(model, *decoder_inputs(model, batch, torch.arange(z.shape[1])), plan.vae))
        truth = {} if judge is None else judge(weights, frames)
        scores.append(ContentScore(frames=frames, clips=len(pairs), error=sum(errors) / len(errors), truth=truth))
    return scores


def _pairs(cache: ClipCache, config: ModelConfig) -> list[tuple[range, range]]:
    """Frames that content and motion of each clip come from: halves, or another clip of the person and this one (both
    the same where there is one alone).
    """

    def frames(entry: ClipEntry) -> range:
        return range(entry.start, entry.start + entry.frames)

    if not config.optim.across_clips:
        long = [frames(entry) for entry in cache.entries if entry.frames >= 2 * MIN_HALF_FRAMES]
        return [(clip[: len(clip) // 2], clip[len(clip) // 2 :][: config.window_frames]) for clip in long]
    people: dict[str, list[ClipEntry]] = {}
    for entry in cache.entries:
        people.setdefault(entry.person, []).append(entry)
    return [
        (frames(own[(index + 1) % len(own)]), frames(entry)[: config.window_frames])
        for own in people.values()
        for index, entry in enumerate(own)
    ]
