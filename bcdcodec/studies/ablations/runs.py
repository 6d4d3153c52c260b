"""Training and scoring of every variant.

WORK/ablation.json   settings of the study      WORK/latents/train, test    clips as the runs see them
WORK/runs/NAME       a run of loop.py, with weights.safetensors, score.json, contents.json
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from bcdcodec.atomic import check_run_manifest
from bcdcodec.config import ModelConfig
from bcdcodec.evaluation.harness.experiment import Experiment
from bcdcodec.evaluation.harness.records import from_json, to_json
from bcdcodec.studies.ablations.scores import (
    Ablations,
    AblationScore,
    ContentScore,
    Judge,
    score_contents,
    score_variant,
)
from bcdcodec.studies.ablations.variants import BASE, WEIGHTS, AblationPlan, Variant, variants
from bcdcodec.training.data.cache import cache_clips, manifest_digest, read_manifest
from bcdcodec.training.export import export
from bcdcodec.training.options import TrainOptions
from bcdcodec.training.run.loop import train

MANIFEST, SCORE, CONTENTS = "ablation.json", "score.json", "contents.json"
#: Reports of a run, and updates between its checkpoints.
REPORTS, SAVE_EVERY = 20, 100
#: (stage, done, in all)
Progress = Callable[[str, int, int], None]


def run_ablations(
    plan: AblationPlan,
    work: Path,
    *,
    judge: Judge | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> Ablations:
    """Train and score every variant that has no score yet. ConfigError where `work` began with other settings."""
    settings: dict[str, Any] = {"preset": plan.config.name}
    settings |= {part: manifest_digest(read_manifest(getattr(plan, part))) for part in ("data", "test")}
    settings |= {name: getattr(plan, name) for name in ("updates", "seed", "precision", "pairs")}
    check_run_manifest(work / MANIFEST, settings)
    for part, folder in (("train", plan.data), ("test", plan.test)):

        def latents(done: int, total: int, part: str = part) -> None:
            progress(f"{part} latents", done, total)

        cache_clips(folder, latents_folder(work, part), vae=plan.vae, config=plan.config, progress=latents)
    by_name, test = {variant.name: variant for variant in variants(plan.config)}, latents_folder(work, "test")

    def score(_: None, name: str) -> AblationScore:
        run = _train(plan, by_name[name], work, lambda done: progress(name, done, plan.updates))
        return score_variant(plan, by_name[name], run, test, judge)

    def contents(_: None, name: str) -> list[Any]:
        return [to_json(item) for item in score_contents(plan, work / "runs" / name, test, judge)]

    scored = Experiment(
        open_context=lambda: None,
        measure=score,
        parse=partial(from_json, AblationScore),
        record_path=lambda name: work / "runs" / name / SCORE,
    ).run(list(by_name))
    by_content = Experiment(
        open_context=lambda: None,
        measure=contents,
        parse=partial(from_json, list[ContentScore]),
        record_path=lambda name: work / "runs" / name / CONTENTS,
    ).run([] if plan.config.content.picture_bits else [BASE])
    return Ablations(list(scored.results.values()), by_content.results.get(BASE, []))


def latents_folder(work: Path, part: str) -> Path:
    """Latents of the training clips ("train") or of other people's ("test")."""
    return work / "latents" / part


def weights_of(work: Path, name: str) -> Path:
    """The weights file of a variant."""
    return work / "runs" / name / WEIGHTS


def read_curves(work: Path, config: ModelConfig) -> dict[str, list[dict[str, float]]]:
    """Training curves by variant: step, bits a frame, and errors as in AblationScore."""
    curves = {}
    for variant in variants(config):
        lines = (work / "runs" / variant.name / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        groups = variant.config.quantizer.groups
        curves[variant.name] = [
            {"step": line["step"], "bits": groups * (line["bits_per_code"] or 0.0), **line["probe"]}
            for line in map(json.loads, lines)
        ]
    return curves


def _train(plan: AblationPlan, variant: Variant, work: Path, progress: Callable[[int], None]) -> Path:
    """Folder of a variant's run, which is trained where it has no weights file."""
    run, cache = work / "runs" / variant.name, latents_folder(work, "train")
    if (run / WEIGHTS).exists():
        return run
    options = TrainOptions(
        run=run,
        updates=plan.updates,
        seed=plan.seed,
        precision=plan.precision,
        device=str(plan.device),
        report_every=max(1, plan.updates // REPORTS),
        save_every=SAVE_EVERY,
    )
    model = train(variant.config, options, cache=cache, vae=plan.vae, progress=progress).cpu()
    if isinstance(plan.vae, nn.Module):
        plan.vae.cpu()  # entropy tables are counted on the CPU
    export(run / WEIGHTS, bcd=model, vae=plan.vae, config=variant.config, cache=cache)
    return run
