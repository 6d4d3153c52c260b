"""Ablation study: variants of a preset that each lack one part of the method; docs/ablations.md."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bcdcodec.config import preset
from bcdcodec.evaluation.harness.records import write_numbers
from bcdcodec.evaluation.report.figures import pyplot, save_figure
from bcdcodec.evaluation.report.tables import update_page
from bcdcodec.model.device import choose_device
from bcdcodec.sprites.dataset import is_sprites
from bcdcodec.studies.ablations.runs import Progress, read_curves, run_ablations, weights_of
from bcdcodec.studies.ablations.scores import Ablations
from bcdcodec.studies.ablations.tables import page_tables
from bcdcodec.studies.ablations.truth import TruthJudge
from bcdcodec.studies.ablations.variants import AblationPlan
from bcdcodec.training.commands import load_autoencoder

PAGE, FOLDER, NUMBERS, CURVES, SHEET = "ablations.md", "ablations", "ablations.json", "curves.png", "transfer.png"


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
    seed: int = 0,
    precision: str = "fp32",
    device: str = "cpu",
    progress: Progress = lambda stage, done, total: None,
) -> Ablations:
    """Train and score what is missing, write page, pictures and ablations.json.

    name: of a preset. data, test: folders of clips of different people. vae: the autoencoder, if the preset has one.
    pairs: transfers between test clips of sprites.
    """
    config = preset(name)
    plan = AblationPlan(
        config=config,
        data=data,
        test=test,
        updates=updates,
        pairs=pairs,
        seed=seed,
        precision=precision,
        device=choose_device(device),
        vae=load_autoencoder(config, vae),
    )
    pyplot()  # fail before hours of training if it is missing
    judge = None
    if is_sprites(plan.test):
        judge = TruthJudge(plan.test, count=pairs, device=plan.device.type, seed=plan.seed)
    ablations = run_ablations(plan, work, judge=judge, progress=progress)
    folder = out / FOLDER
    curves_plot(folder / CURVES, read_curves(work, plan.config))
    if judge is not None:
        judge.sheet(folder / SHEET, {score.name: weights_of(work, score.name) for score in ablations.scores})
    write_numbers(folder / NUMBERS, ablations)
    update_page(out / PAGE, page_tables(ablations, plan, pairs=0 if judge is None else judge.count))
    return ablations


def curves_plot(path: Path, curves: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """Bits a frame, and errors with the right and with other conditions, over the updates of every run."""
    panels = {
        "bits": "bits a frame",
        "true": "error, right",
        "other_motion": "other motion",
        "other_content": "other content",
    }
    figure, axes = pyplot().subplots(1, len(panels), figsize=(15, 4), layout="constrained")
    for axis, (name, title) in zip(axes, panels.items(), strict=True):
        for run, lines in curves.items():
            axis.plot([line["step"] for line in lines], [line[name] for line in lines], label=run, linewidth=1.3)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("step")
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=7)
    save_figure(figure, path)
