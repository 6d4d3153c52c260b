"""The ablations of the paper, run and measured. In: a plan. Out: `Ablations`.

    OUT/ablation.json    what was asked for         OUT/latents/train, test    clips as the runs see them
    OUT/runs/NAME        a run of loop.py, with weights.safetensors, score.json, contents.json

What is finished is found again, so that the same call goes on where it was cut off.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from bcdcodec.ablation.plan import WEIGHTS, AblationPlan
from bcdcodec.ablation.scores import AblationScore, ContentScore, Judge, measure, measure_contents
from bcdcodec.ablation.variants import BASE, Variant, variants
from bcdcodec.atomic import check_run_manifest
from bcdcodec.config import ModelConfig
from bcdcodec.training.data.cache import cache_clips, manifest_digest, read_manifest
from bcdcodec.training.export import export
from bcdcodec.training.options import TrainOptions
from bcdcodec.training.run.loop import train

MANIFEST = "ablation.json"
#: Reports of a run, and steps between its checkpoints.
REPORTS, SAVE_EVERY = 20, 100


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
    began = {"preset": plan.config.name}
    began |= {part: manifest_digest(read_manifest(getattr(plan, part))) for part in ("data", "test")}
    check_run_manifest(
        out / MANIFEST, began | {name: getattr(plan, name) for name in ("steps", "seed", "precision", "pairs")}
    )
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
        scores.append(measure(plan, variant, run, latents_folder(out, "test"), judge))
        if variant.name == BASE and not plan.config.content.picture_bits:
            contents = measure_contents(plan, run, latents_folder(out, "test"), judge)
    return Ablations(scores, contents)


def latents_folder(out: Path, part: str) -> Path:
    """Cache of the clips to learn from ("train") or of others ("test")."""
    return out / "latents" / part


def weights_of(out: Path, name: str) -> Path:
    """The weights file of a variant."""
    return out / "runs" / name / WEIGHTS


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
        updates=plan.steps,
        seed=plan.seed,
        precision=plan.precision,
        device=plan.device.type,
        report_every=max(1, plan.steps // REPORTS),
        save_every=SAVE_EVERY,
    )
    model = train(variant.config, options, cache=cache, vae=plan.vae, progress=progress).cpu()
    if isinstance(plan.vae, nn.Module):
        plan.vae.cpu()  # tables are counted there
    export(run / WEIGHTS, bcd=model, vae=plan.vae, config=variant.config, cache=cache)
    return run
