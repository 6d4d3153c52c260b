"""Ablation study: variants of a preset that each lack one part of the method; docs/ablations.md.

WORK/ablation.json   settings of the study      WORK/latents/train, test    clips as the runs see them
WORK/runs/NAME       a run of loop.py, with weights.safetensors, score.json, contents.json, steps.json; of other seeds
                     NAME-SEED
"""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from bcdcodec.atomic import check_run_manifest
from bcdcodec.config import preset
from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.harness.experiment import Experiment
from bcdcodec.evaluation.harness.records import from_json, to_json, write_numbers
from bcdcodec.evaluation.report.figures import pyplot, save_figure
from bcdcodec.evaluation.report.tables import update_page
from bcdcodec.model.device import choose_device
from bcdcodec.sprites.dataset import is_sprites
from bcdcodec.studies.ablations.faces import FaceJudge
from bcdcodec.studies.ablations.scores import (
    Ablations,
    AblationScore,
    ContentScore,
    Judge,
    StepScore,
    score_contents,
    score_steps,
    score_variant,
)
from bcdcodec.studies.ablations.tables import page_tables
from bcdcodec.studies.ablations.truth import TruthJudge
from bcdcodec.studies.ablations.variants import BASE, WEIGHTS, AblationPlan, Variant, variants
from bcdcodec.training.data.cache import cache_clips, manifest_digest, read_manifest
from bcdcodec.training.export import export
from bcdcodec.training.inputs import load_autoencoder
from bcdcodec.training.options import TrainOptions
from bcdcodec.training.run.loop import train
from bcdcodec.training.start import fit_state, load_start, refined

NUMBERS, CURVES, SHEET = "ablations.json", "curves.png", "transfer.png"
MANIFEST, SCORE, CONTENTS, STEPS = "ablation.json", "score.json", "contents.json", "steps.json"
#: Reports of a run, and updates between its checkpoints.
REPORTS, SAVE_EVERY = 20, 100
#: Panels of the training curves: name in the reports of a run, and title.
PANELS = {
    "bits": "bits a frame",
    "true": "error, right",
    "other_motion": "other motion",
    "other_content": "other content",
}
#: (stage, done, in all)
Progress = Callable[[str, int, int], None]


def run_study(
    name: str,
    data: Path,
    test: Path,
    *,
    out: Path,
    work: Path,
    updates: int,
    pairs: int,
    vae: Path | None = None,
    init: Path | None = None,
    inception: Path | None = None,
    seed: int = 0,
    seeds: int = 1,
    precision: str = "fp32",
    device: str = "cpu",
    progress: Progress = lambda stage, done, total: None,
) -> Ablations:
    """Train and score what is missing, write page, pictures and ablations.json.

    name: of a preset. data, test: folders of clips of different people. vae: the autoencoder, if the preset has one.
    init: weights that every run refines; without `vae`, their autoencoder is used. pairs: transfers between test clips,
    at most. inception: weights of FID's network, for faces. seeds: runs of each variant, with seeds from `seed` on.
    ConfigError where `work` began with other settings.
    """
    config = preset(name)
    start = None if init is None else load_start(init, config)
    if start is not None:
        config = refined(config)
    plan = AblationPlan(
        config=config,
        data=data,
        test=test,
        updates=updates,
        pairs=pairs,
        seed=seed,
        precision=precision,
        device=choose_device(device),
        vae=load_autoencoder(config, vae) if start is None or vae is not None else start.vae,
        start=start,
        inception=inception,
    )
    pyplot()  # fail before hours of training if it is missing
    judge = _judge(plan)
    settings: dict[str, Any] = {"preset": config.name}
    settings |= {part: manifest_digest(read_manifest(getattr(plan, part))) for part in ("data", "test")}
    settings |= {setting: getattr(plan, setting) for setting in ("updates", "seed", "precision", "pairs")}
    settings["init"] = None if start is None else start.model_id.hex()
    settings["inception"] = inception is not None
    check_run_manifest(work / MANIFEST, settings)
    for part, folder in (("train", data), ("test", test)):
        latents = partial(progress, f"{part} latents")
        cache_clips(folder, work / "latents" / part, vae=plan.vae, config=config, progress=latents)
    plans = [replace(plan, seed=seed + index) for index in range(seeds)]
    scored = [_score(one, work, judge, progress, is_first=one is plans[0]) for one in plans]
    ablations = replace(scored[0], scores=[score for one in scored for score in one.scores])
    page = page_name(test)
    folder = out / Path(page).stem
    plot_curves(folder / CURVES, plan, work)
    if judge is not None:
        judge.sheet(folder / SHEET, {one.name: work / "runs" / one.name / WEIGHTS for one in scored[0].scores})
    write_numbers(folder / NUMBERS, ablations)
    update_page(out / page, page_tables(ablations, plan, pairs=0 if judge is None else judge.count))
    return ablations


def page_name(test: Path) -> str:
    """The page of a study, and with another end the folder of its pictures: sprites, whose truth is known, have their
    own.
    """
    return "sprites_ablations.md" if is_sprites(test) else "ablations.md"


def plot_curves(path: Path, plan: AblationPlan, work: Path) -> None:
    """Plot bits a frame, and errors with the right and with other conditions, over the updates of every run."""
    figure, axes = pyplot().subplots(1, len(PANELS), figsize=(15, 4), layout="constrained")
    for variant in variants(plan.config):
        reports = (work / "runs" / variant.name / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        lines = [json.loads(report) for report in reports]
        steps, groups = [line["step"] for line in lines], variant.config.quantizer.groups
        curves = [{"bits": groups * (line["bits_per_code"] or 0.0), **line["probe"]} for line in lines]
        for axis, name in zip(axes, PANELS, strict=True):
            axis.plot(steps, [curve[name] for curve in curves], label=variant.name, linewidth=1.3)
    for axis, title in zip(axes, PANELS.values(), strict=True):
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("step")
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=7)
    save_figure(figure, path)


def _judge(plan: AblationPlan) -> Judge | None:
    """Who compares transfers; None for a model that moves pictures, whose content is no token.

    ConfigError for weights of FID's network where nobody would use them.
    """
    if plan.inception is not None and (plan.config.content.picture_bits or is_sprites(plan.test)):
        raise ConfigError(
            "FID is of transferred faces: sprites are compared with the truth, and stills are not transferred"
        )
    if plan.config.content.picture_bits:
        return None
    device, seed = plan.device.type, plan.seed
    if is_sprites(plan.test):
        return TruthJudge(plan.test, count=plan.pairs, device=device, seed=seed)
    return FaceJudge(plan.test, plan.config, count=plan.pairs, device=device, seed=seed, inception=plan.inception)


def _score(
    plan: AblationPlan, work: Path, judge: Judge | None, progress: Progress, *, is_first: bool = True
) -> Ablations:
    """Train and score every variant that has no score yet. is_first: whether folders are named without the seed."""
    end, test = "" if is_first else f"-{plan.seed}", work / "latents" / "test"
    by_name = {variant.name + end: variant for variant in variants(plan.config)}

    def score(_: None, name: str) -> AblationScore:
        run = _train(plan, by_name[name], work, name, lambda done: progress(name, done, plan.updates))
        return score_variant(plan, by_name[name], run, test, judge)

    def contents(_: None, name: str) -> list[Any]:
        return [to_json(item) for item in score_contents(plan, work / "runs" / name, test, judge)]

    def steps(_: None, name: str) -> list[Any]:
        assert judge is not None, "steps are judged by transfers"
        return [to_json(item) for item in score_steps(work / "runs" / name, judge)]

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
    ).run([] if plan.config.content.picture_bits or not is_first else [BASE])
    by_steps = Experiment(
        open_context=lambda: None,
        measure=steps,
        parse=partial(from_json, list[StepScore]),
        record_path=lambda name: work / "runs" / name / STEPS,
    ).run([BASE] if is_first and judge is not None else [])
    return Ablations(list(scored.results.values()), by_content.results.get(BASE, []), by_steps.results.get(BASE, []))


def _train(plan: AblationPlan, variant: Variant, work: Path, name: str, progress: Callable[[int], None]) -> Path:
    """Folder `name` of a variant's run, which is trained where it has no weights file."""
    run, cache = work / "runs" / name, work / "latents" / "train"
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
    init = None if plan.start is None else fit_state(plan.start.state, variant.config, seed=plan.seed)
    model = train(variant.config, options, cache=cache, vae=plan.vae, init=init, progress=progress).cpu()
    if isinstance(plan.vae, nn.Module):
        plan.vae.cpu()  # entropy tables are counted on the CPU
    export(run / WEIGHTS, bcd=model, vae=plan.vae, config=variant.config, cache=cache)
    return run
