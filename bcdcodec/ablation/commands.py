"""What `bcd ablate` does. In: folders and numbers. Out: runs, ablations.json, ablations.md and pictures."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

from bcdcodec.ablation.page import Pictures, curves_plot, markdown
from bcdcodec.ablation.plan import AblationPlan
from bcdcodec.ablation.runs import Ablations, read_curves, run_ablations, weights_of
from bcdcodec.ablation.truth import TruthJudge
from bcdcodec.atomic import write_bytes
from bcdcodec.config import preset
from bcdcodec.evaluation.report.figures import pyplot
from bcdcodec.model.device import choose_device
from bcdcodec.sprites.dataset import is_sprites
from bcdcodec.training.commands import load_autoencoder

PAGE, RESULTS, CURVES, SHEET = "ablations.md", "ablations.json", "ablations/curves.png", "ablations/transfer.png"


def ablate(
    name: str,
    data: Path,
    test: Path,
    out: Path,
    *,
    steps: int,
    pairs: int,
    vae: Path | None = None,
    seed: int = 0,
    precision: str = "fp32",
    device: str = "cpu",
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Ablations:
    """Train and measure all variants of a preset, in `out`, and write what was found there. data, test: folders of
    clips of other people each; vae: the autoencoder, if the preset has one; pairs: of test clips of sprites.
    """
    config = preset(name)
    plan = AblationPlan(
        config=config,
        data=data,
        test=test,
        steps=steps,
        pairs=pairs,
        seed=seed,
        precision=precision,
        device=choose_device(device),
        vae=load_autoencoder(config, vae),
    )
    pyplot()  # hours before it is needed: refuses where it is missing
    judge = None
    if is_sprites(plan.test):
        judge = TruthJudge(plan.test, count=pairs, device=plan.device.type, seed=plan.seed)
    found = run_ablations(plan, out, judge=judge, progress=progress)
    curves_plot(out / CURVES, read_curves(out, plan.config))
    if judge is not None:
        judge.sheet(out / SHEET, {one.name: weights_of(out, one.name) for one in found.scores})
    pictures = Pictures(curves=CURVES, sheet=None if judge is None else SHEET)
    write_bytes(out / RESULTS, (json.dumps(dataclasses.asdict(found), indent=1) + "\n").encode())
    judged = 0 if judge is None else judge.count
    write_bytes(out / PAGE, markdown(found, plan, pairs=judged, pictures=pictures).encode())
    return found
