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
#: Numbers of a Judge: title, and factor with which they are printed.
TRUTH_HEAD = {
    "psnr_db": ("PSNR to the truth, dB", 1.0),
    "action": ("action right, %", 100.0),
    "appearance": ("appearance right, %", 100.0),
    "nmi": ("NMI with poses", 1.0),
}
ABOUT = {
    BASE: "nothing changed",
    "rate-half": "half the bitrate",
    "rate-1.5": "one and a half times the bitrate",
    "rate-2": "twice the bitrate",
    NO_RATE_LOSS: "without the rate loss",
    NOT_CROSS_DRIVEN: "content from the frames that are rebuilt",
}


def page_tables(ablations: Ablations, plan: AblationPlan, *, pairs: int) -> dict[str, list[str]]:
    """Lines by marker. pairs: transfers that the truth was measured on."""
    rate = float(plan.config.frame_rate[0]) / plan.config.frame_rate[1]
    return {
        "run": run_lines(plan, pairs=pairs),
        "variants": variant_table(ablations, rate),
        "paper": _paper(ablations),
        "contents": content_table(ablations),
    }


def run_lines(plan: AblationPlan, *, pairs: int) -> list[str]:
    """The head of the page: preset, training, transfers."""
    head = (
        f"- Preset `{plan.config.name}`, every variant trained from scratch for {plan.updates:,} updates of "
        f"{plan.config.optim.batch} clips, seed {plan.seed}, {plan.precision}, and measured on clips of other people."
    )
    truth = (
        f"- *Truth*: {pairs} transfers between test clips, against the true clip of that character in that action, "
        f"{plan.config.sampling['standard'].steps} sampling steps."
    )
    return [head, truth] if pairs else [head]


def variant_table(ablations: Ablations, rate: float) -> list[str]:
    """One row a variant. rate: frames a second."""
    truth = _truth_names(ablations)
    rows = [
        (
            f"`{score.name}`: {ABOUT[score.name]}",
            f"{score.target_bits:g}",
            f"{score.target_bits * rate / 1000:.3g}",
            f"{score.entropy_bits:.2f}",
            str(score.groups),
            f"{score.used:.1f}",
            str(score.dead),
            *(f"{score.errors[name]:.4f}" for name in ("true", "other_motion", "other_content")),
            *_truth_cells(score.truth, truth),
        )
        for score in ablations.scores
    ]
    return table((*SCORE_HEAD, *(TRUTH_HEAD[name][0] for name in truth)), rows)


def _paper(ablations: Ablations) -> list[str]:
    rows = [(f"`{score.name}`", *(f"{value:g}" for value in PAPER[score.name])) for score in ablations.scores]
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
            *_truth_cells(score.truth, truth),
            *(f"{value:g}" for value in PAPER_CONTENTS[score.frames]),
        )
        for score in ablations.contents
    ]
    head = ("frames", "error", *(TRUTH_HEAD[name][0] for name in truth), *(f"paper: {name}" for name in PAPER_HEAD))
    return table(head, rows)


def _truth_names(ablations: Ablations) -> list[str]:
    return [name for name in TRUTH_HEAD if name in ablations.scores[0].truth]


def _truth_cells(values: Mapping[str, float], names: Sequence[str]) -> list[str]:
    return [f"{values[name] * TRUTH_HEAD[name][1]:.{3 if name == 'nmi' else 1}f}" for name in names]
