"""The ablations of the paper, run and measured. In: a preset, clips to learn from, clips of others. Out: numbers.

    OUT/ablation.json           what was asked for         OUT/latents/train, test     clips as the runs see them
    OUT/runs/NAME               a run of loop.py           OUT/runs/NAME/weights.safetensors

Runs that are finished are found again, so that the same call goes on where it was cut off.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from bcdcodec.ablation.variants import BASE, Variant, variants
from bcdcodec.config import ModelConfig
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.sd_vae import StableDiffusionVae
from bcdcodec.model.vae import Vae
from bcdcodec.model.weights import load_networks
from bcdcodec.training.claim import claim
from bcdcodec.training.clips import cache_clips
from bcdcodec.training.data import CONTENT_FRAMES, MIN_HALF_FRAMES, ClipCache, ClipEntry, HalvesBatch, HalvesSampler
from bcdcodec.training.export import count_codes, export
from bcdcodec.training.loop import TrainOptions, train
from bcdcodec.training.samples import condition_errors, probe_error, told
from bcdcodec.weightfile import open_weights

BEGAN_WITH, WEIGHTS = "ablation.json", "weights.safetensors"
#: Reports of a run, and steps between its checkpoints.
REPORTS, SAVE_EVERY = 20, 100
#: Batches of clips of others that codes are counted in, of how many clips each (errors are of the first few of each);
#: clips of Table A2.
MEASURED, BATCH, CLIPS = 32, 16, 128
#: Frames that content comes from in Table A2; None: all there are.
CONTENT_LENGTHS: tuple[int | None, ...] = (1, 5, 15, 20, None)

#: What is known of clips whose truth is: weights, and frames that content comes from (None: all) -> numbers by name.
Judge = Callable[[Path, int | None], dict[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AblationPlan:
    """config: the preset. data, test: folders of clips of other people each. precision: of training, fp32 or bf16."""

    config: ModelConfig
    data: Path
    test: Path
    steps: int
    seed: int = 0
    precision: str = "fp32"
    device: torch.device = torch.device("cpu")  # noqa: RUF009 - immutable
    vae: Vae | StableDiffusionVae | None = None


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


@dataclass(frozen=True, slots=True)
class Ablations:
    """scores: the base first. contents: empty where content is always one frame."""

    scores: list[AblationScore]
    contents: list[ContentScore]


def run_ablations(
    plan: AblationPlan,
    out: Path,
    *,
    judge: Judge | None = None,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Ablations:
    """Train every variant and measure it. progress: (stage, done, total). ConfigError where `out` began otherwise."""
    began = {"preset": plan.config.name, "steps": plan.steps, "seed": plan.seed, "precision": plan.precision}
    claim(out / BEGAN_WITH, began)
    for part, folder in (("train", plan.data), ("test", plan.test)):

        def latents(done: int, total: int, part: str = part) -> None:
            progress(f"{part} latents", done, total)

        cache_clips(folder, latents_folder(out, part), vae=plan.vae, config=plan.config, progress=latents)
    scores: list[AblationScore] = []
    contents: list[ContentScore] = []
    for variant in variants(plan.config):

        def steps(done: int, name: str = variant.name) -> None:
            progress(name, done, plan.steps)

        run = _train(plan, variant, out, steps)
        model = load_networks(open_weights(run / WEIGHTS), plan.device).bcd
        if isinstance(plan.vae, nn.Module):
            plan.vae.to(plan.device)
        truth = {} if judge is None else judge(run / WEIGHTS, None)
        scores.append(_score(plan, variant, model, latents_folder(out, "test"), truth))
        if variant.name == BASE and not plan.config.content.picture_bits:
            contents = _contents(plan, model, latents_folder(out, "test"), run / WEIGHTS, judge)
    return Ablations(scores, contents)


def latents_folder(out: Path, part: str) -> Path:
    """Cache of the clips to learn from ("train") or of others ("test")."""
    return out / "latents" / part


def read_curves(out: Path, config: ModelConfig) -> dict[str, list[dict[str, float]]]:
    """What the runs reported on the way, by variant: step, bits a frame, and errors as of AblationScore."""
    curves = {}
    for variant in variants(config):
        lines = (out / "runs" / variant.name / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        groups = variant.config.quantizer.groups
        curves[variant.name] = [
            {"step": line["step"], "bits": groups * (line["bits_per_code"] or 0.0), **line["probe"]}
            for line in map(json.loads, lines)
        ]
    return curves


def _train(plan: AblationPlan, variant: Variant, out: Path, progress: Callable[[int], None]) -> Path:
    """The run of a variant with its weights file, trained where that is not there."""
    run, cache = out / "runs" / variant.name, latents_folder(out, "train")
    if (run / WEIGHTS).exists():
        return run
    options = TrainOptions(
        run=run,
        cache=cache,
        steps=plan.steps,
        seed=plan.seed,
        precision=plan.precision,
        device=plan.device,
        report_every=max(1, plan.steps // REPORTS),
        save_every=SAVE_EVERY,
    )
    model = train(variant.config, options, vae=plan.vae, progress=progress).cpu()
    if isinstance(plan.vae, nn.Module):
        plan.vae.cpu()  # tables are counted there
    export(run / WEIGHTS, bcd=model, vae=plan.vae, config=variant.config, cache=cache)
    return run


@torch.inference_mode()
def _score(plan: AblationPlan, variant: Variant, model: Bcd, cache: Path, truth: dict[str, float]) -> AblationScore:
    """Content and motion of different halves or clips for every variant, however it was trained."""
    config = variant.config
    sampler = HalvesSampler(
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
    model.to(plan.device)
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
            batch = HalvesBatch(shown, z, None).to(plan.device)
            errors.append(probe_error(model, *told(model, batch, torch.arange(z.shape[1])), plan.vae))
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
