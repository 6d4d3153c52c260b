"""Tables of docs/ablations.md, the paper's numbers beside."""

from collections.abc import Mapping, Sequence

from bcdcodec.evaluation.report.tables import table
from bcdcodec.studies.ablations.scores import Ablations
from bcdcodec.studies.ablations.variants import BASE, NO_RATE_LOSS, NOT_CROSS_DRIVEN, AblationPlan

#: FID, CSIM, shape error x 10, motion error x 100, cross error x 100 of the paper (LRS3): tables A2 and A3 of the
#: supplement, the bitrates and cross-driving of the main paper. By the variant here that does the same.
PAPER: Mapping[str, tuple[float, ...]] = {
    BASE: (86.0, 0.69, 0.41, 3.13, 3.67),
    "rate-half": (88.5, 0.71, 0.34, 5.26, 5.68),
    "rate-1.5": (87.6, 0.68, 0.56, 3.23, 4.13),
    "rate-2": (89.3, 0.66, 0.49, 3.04, 3.74),
    "rate-4": (),  # in Figure A2 alone
    NO_RATE_LOSS: (92.7, 0.70, 0.59, 4.81, 6.21),
    NOT_CROSS_DRIVEN: (120.1, 0.64, 0.58, 41.5, 40.4),
}
#: Table A2, by the number of frames that content comes from, None for all.
PAPER_CONTENTS: Mapping[int | None, tuple[float, ...]] = {
    1: (87.9, 0.692, 0.47, 3.13, 3.81),
    5: (86.0, 0.685, 0.43, 3.50, 4.21),
    15: (85.6, 0.685, 0.43, 3.47, 4.14),
    20: (86.6, 0.688, 0.44, 3.20, 3.78),
    None: (86.0, 0.692, 0.41, 3.13, 3.67),
}
PAPER_HEAD = ("FID", "CSIM", "shape", "motion", "cross")
SCORE_HEAD = (
    *("", "target, bits a frame", "kbps", "measured", "codebooks", "used entries", "dead"),
    *("error", "other motion", "other content"),
)
#: Conditions of the errors, in the order of SCORE_HEAD.
ERRORS = ("true", "other_motion", "other_content")
#: Numbers of a Judge: title, factor with which they are printed, and digits after the point.
TRUTH_HEAD = {
    "psnr_db": ("PSNR to the truth, dB", 1.0, 1),
    "action": ("action right, %", 100.0, 1),
    "appearance": ("appearance right, %", 100.0, 1),
    "nmi": ("NMI with poses", 1.0, 3),
    "frechet": ("Frechet distance (EfficientNet)", 1.0, 1),
    "fid": ("FID", 1.0, 1),
    "csim": ("CSIM", 1.0, 3),
    "identity": ("identity right, %", 100.0, 0),
    "follows": ("nearer to the motion than a still, %", 100.0, 0),
    "shape": ("shape, mm", 1.0, 2),
    "motion": ("motion, mm", 1.0, 2),
    "cross": ("cross, mm", 1.0, 2),
}
ABOUT = {
    BASE: "nothing changed",
    "rate-half": "half the bitrate",
    "rate-1.5": "one and a half times the bitrate",
    "rate-2": "twice the bitrate",
    "rate-4": "four times the bitrate",
    NO_RATE_LOSS: "without the rate loss",
    NOT_CROSS_DRIVEN: "content from the frames that are rebuilt",
}


def page_tables(ablations: Ablations, plan: AblationPlan, *, pairs: int) -> dict[str, list[str]]:
    """Lines by marker. pairs: transfers that were judged."""
    rate = float(plan.config.frame_rate[0]) / plan.config.frame_rate[1]
    return {
        "run": run_lines(ablations, plan, pairs=pairs),
        "variants": variant_table(ablations, rate),
        "paper": _paper(ablations),
        "contents": content_table(ablations),
        "steps": step_table(ablations),
    }


def run_lines(ablations: Ablations, plan: AblationPlan, *, pairs: int) -> list[str]:
    """The head of the page: preset, training, transfers."""
    seeds = sorted({score.seed for score in ablations.scores})
    drawn = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"
    trained = "trained from scratch" if plan.start is None else f"refined from `{plan.start.name}`"
    head = [
        f"- Preset `{plan.config.name}`, every variant {trained} for {plan.updates:,} updates of "
        f"{plan.config.optim.batch} clips, {drawn}, {plan.precision}, and measured on clips of other people."
    ]
    if len(seeds) > 1:
        head.append(f"- Means of {len(seeds)} runs, and half of the distance between the least and the greatest.")
    if pairs:
        steps, is_face = plan.config.sampling["standard"].steps, "csim" in ablations.scores[0].truth
        measured = (
            f"*Transfers*: {pairs}, of the content of one person's clip with the motion of another's, against both"
            if is_face
            else f"*Truth*: {pairs} transfers between test clips, against the true clip of that character in that "
            "action"
        )
        head.append(f"- {measured}, {steps} sampling steps.")
    return head


def variant_table(ablations: Ablations, rate: float) -> list[str]:
    """One row a variant, over its seeds. rate: frames a second."""
    truth, rows = _truth_names(ablations), []
    for name in dict.fromkeys(score.name for score in ablations.scores):
        scores = [score for score in ablations.scores if score.name == name]
        rows.append(
            (
                f"`{name}`: {ABOUT[name]}",
                f"{scores[0].target_bits:g}",
                f"{scores[0].target_bits * rate / 1000:.3g}",
                spread([score.entropy_bits for score in scores], 2),
                str(scores[0].groups),
                spread([score.used for score in scores], 1),
                spread([score.dead for score in scores], 0),
                *(spread([score.errors[part] for score in scores], 4) for part in ERRORS),
                *_truth_cells([score.truth for score in scores], truth),
            )
        )
    return table((*SCORE_HEAD, *(TRUTH_HEAD[name][0] for name in truth)), rows)


def spread(values: Sequence[float], digits: int) -> str:
    """Mean of the values, and half of the distance between the least and the greatest of several."""
    mean = f"{sum(values) / len(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {(max(values) - min(values)) / 2:.{digits}f}"


def _paper(ablations: Ablations) -> list[str]:
    names = dict.fromkeys(score.name for score in ablations.scores)
    rows = [(f"`{name}`", *(f"{value:g}" for value in PAPER[name])) for name in names if PAPER[name]]
    return table(("", *PAPER_HEAD), rows)


def content_table(ablations: Ablations) -> list[str]:
    """One row a number of content frames, the paper's numbers beside."""
    if not ablations.contents:
        return ["Content of this preset is always one frame."]
    truth = _truth_names(ablations)
    rows = [
        (
            "all" if score.frames is None else str(score.frames),
            f"{score.error:.4f}",
            *_truth_cells([score.truth], truth),
            *(f"{value:g}" for value in PAPER_CONTENTS[score.frames]),
        )
        for score in ablations.contents
    ]
    head = ("frames", "error", *(TRUTH_HEAD[name][0] for name in truth), *(f"paper: {name}" for name in PAPER_HEAD))
    return table(head, rows)


def step_table(ablations: Ablations) -> list[str]:
    """One row a number of sampling steps."""
    if not ablations.steps:
        return ["Not measured in this run."]
    truth = _truth_names(ablations)
    rows = [(str(score.steps), *_truth_cells([score.truth], truth)) for score in ablations.steps]
    return table(("steps", *(TRUTH_HEAD[name][0] for name in truth)), rows)


def _truth_names(ablations: Ablations) -> list[str]:
    return [name for name in TRUTH_HEAD if any(name in score.truth for score in ablations.scores)]


def _truth_cells(truths: Sequence[Mapping[str, float]], names: Sequence[str]) -> list[str]:
    """Cells of the runs of one variant; a number that one of them lacks is left out."""
    cells = []
    for name in names:
        _, factor, digits = TRUTH_HEAD[name]
        known = [factor * truth[name] for truth in truths if name in truth]
        cells.append(spread(known, digits) if known else "-")
    return cells
